-- Of each record ($2: external ids), the version with the newest modified time counts, then
-- the greatest content hash; a withdrawn one covers nothing. Returns the facts whose rows
-- say otherwise so far: mostly none. LATERAL with OFFSET: one index probe per id, whatever
-- the planner believes about the tables.
select f.id, f.is_current
from unnest($2::text[]) as k (external_id)
cross join lateral (
  select id, withdrawn is null and row_number() over (order by modified desc nulls last, content_hash desc, id) = 1 as is_current
  from vex.vuln_fact where tenant_id = $1 and external_id = k.external_id offset 0) as f
where exists (select from vex.vuln_affected o where o.tenant_id = $1 and o.fact_id = f.id and o.is_current <> f.is_current offset 0)
   or exists (select from vex.vuln_alias o where o.tenant_id = $1 and o.fact_id = f.id and o.is_current <> f.is_current offset 0)
