-- What the current records of these ids say of their severity; the worst where several
-- sources have one, or the tenant and the shared feed.
select distinct on (k.v) k.v, f.score, f.severity
from unnest($2::text[]) as k (v)
cross join unnest(array[$1::uuid, '00000000-0000-0000-0000-000000000000'::uuid]) as t (id)
cross join lateral (
  select distinct on (source) score, severity, withdrawn from vex.vuln_fact
  where tenant_id = t.id and external_id = k.v
  order by source, modified desc nulls last, content_hash desc, id) as f
where f.withdrawn is null and f.score is not null
order by k.v, f.score desc, f.severity
