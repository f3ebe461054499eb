-- What was given for a secret that no longer counts.
update authority.oauth_token set revoked_at = now(), updated_at = now()
where tenant_id = $1 and oauth_client_id = $2 and coalesce(revoked_at > now(), true) and expires_at > now()
