-- The secret before holds for $4 more seconds, so that whoever uses it can be changed over.
update authority.oauth_client
set previous_hash = secret_hash, previous_until = now() + make_interval(secs => $4), secret_hash = $3, updated_at = now()
where tenant_id = $1 and id = $2
