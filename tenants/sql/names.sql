-- The names of all tenants.
select name from authority.tenant order by name
