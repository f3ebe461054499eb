-- The name of a tenant.
select name from authority.tenant where tenant_id = $1
