-- What it may is looked up with each of its tokens, so this holds at once.
update authority.oauth_client set is_active = $3, scopes = $4, updated_at = now() where tenant_id = $1 and id = $2
