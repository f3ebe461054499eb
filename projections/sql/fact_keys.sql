-- The keys that any version of these records ($2) speaks of, the tenant's own and the shared
-- ones: what an old version covered has to be looked at too.
select distinct k.record, a.match_key
from unnest($2::text[]) as k (record)
cross join lateral (
  select tenant_id, id from vex.vuln_fact
  where tenant_id = any (array[$1::uuid, '00000000-0000-0000-0000-000000000000'::uuid]) and external_id = k.record
  offset 0) as f
cross join lateral (select match_key from vex.vuln_affected where tenant_id = f.tenant_id and fact_id = f.id offset 0) as a
