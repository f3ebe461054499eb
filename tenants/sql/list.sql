-- All tenants, for those who run the system: the maintainer sees them all.
select tenant_id, name, created_at, settings from authority.tenant order by name
