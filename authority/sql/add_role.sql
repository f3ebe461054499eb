-- Two that grant a role of the standard ones first at once both find it afterwards.
insert into authority.role (tenant_id, name, permissions) values ($1, $2, $3) on conflict do nothing
