-- What tenant $1 is called.
select name from authority.tenant where tenant_id = $1
