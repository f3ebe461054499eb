-- One step along the alias edges, the tenant's own and the shared ones.
select distinct vuln_id, alias from vex.vuln_alias
where tenant_id = any (array[$1::uuid, '00000000-0000-0000-0000-000000000000'::uuid]) and vuln_id = any ($2) and is_current
