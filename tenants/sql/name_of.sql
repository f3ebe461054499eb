-- The name of tenant $1, whose row is locked.
select name from authority.tenant where tenant_id = $1 for update
