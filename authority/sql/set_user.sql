-- Whether he may act is looked up with each of his tokens, which stay as they are.
update authority."user" set is_active = $3, updated_at = now() where tenant_id = $1 and id = $2
