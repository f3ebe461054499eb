-- One step along the alias edges, the tenant's own and the shared ones.
select distinct a.vuln_id, a.alias
from unnest($2::text[]) as k (v)
cross join lateral (
  select vuln_id, alias from vex.vuln_alias
  where tenant_id = any (array[$1::uuid, '00000000-0000-0000-0000-000000000000'::uuid]) and vuln_id = k.v and is_current
  offset 0) as a
