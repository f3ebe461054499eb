-- Gives tenant $1 the name $2.
update authority.tenant set name = $2, updated_at = now() where tenant_id = $1
