-- All versions of these records ($2), the tenant's own and the shared ones.
select f.id
from unnest($2::text[]) as k (record)
cross join lateral (
  select id from vex.vuln_fact
  where tenant_id = any (array[$1::uuid, '00000000-0000-0000-0000-000000000000'::uuid]) and external_id = k.record
  offset 0) as f
