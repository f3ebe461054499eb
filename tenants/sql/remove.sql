-- The last of a tenant: its row.
delete from authority.tenant where tenant_id = $1
