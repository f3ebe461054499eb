-- At most once a minute, whoever uses it how often: its row is not written by every request.
update authority.oauth_token set last_used_at = now(), updated_at = now()
where tenant_id = $1 and id = $2 and coalesce(last_used_at < now() - interval '1 minute', true)
