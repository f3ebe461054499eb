-- What a role permits is looked up with each token, so this holds at once for all who have it.
update authority.role set permissions = $3, updated_at = now() where tenant_id = $1 and id = $2
