-- Now, or where it is being replaced a little later; a later end that was set before may come nearer.
update authority.oauth_token set revoked_at = now() + make_interval(secs => $3), updated_at = now()
where tenant_id = $1 and id = $2 and coalesce(revoked_at > now(), true)
