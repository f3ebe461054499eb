-- Two that make the same tenant at once both find it afterwards.
insert into authority.tenant (tenant_id, name) values ($1, $2) on conflict do nothing
