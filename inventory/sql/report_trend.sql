-- How many findings came to be open and how many ceased to be, in tenant $1, on each day (UTC) since $2. What was
-- suppressed from the beginning never was open, nor did it cease to be when it was closed: only where a finding
-- was ever suppressed the event before says which. That one is looked for by the index; all others are counted in one reading.
with hidden as materialized (
  select distinct artifact_id, package_id, vuln_id from vex.finding_history where tenant_id = $1 and event = 'suppressed'
), plain as (
  select (h.at at time zone 'utc')::date as day,
         count(*) filter (where h.event in ('opened', 'reopened')) as opened,
         count(*) filter (where h.event = 'closed') as ended
  from vex.finding_history h
  where h.tenant_id = $1 and h.at >= $2 and h.event in ('opened', 'reopened', 'closed')
  group by 1
), told as materialized (
  select h.event, h.at, b.event as before
  from vex.finding_history h
  join hidden using (artifact_id, package_id, vuln_id)
  left join lateral (
    select o.event from vex.finding_history o
    where o.tenant_id = $1 and o.artifact_id = h.artifact_id and o.package_id = h.package_id and o.vuln_id = h.vuln_id and o.at < h.at and o.event <> 'changed'
    order by o.at desc limit 1) as b on true
  where h.tenant_id = $1 and h.at >= $2 and h.event in ('closed', 'suppressed')
), other as (
  -- What plain counts as closed and was not open; what was open and was suppressed.
  select (at at time zone 'utc')::date as day, 0 as opened,
         count(*) filter (where event = 'suppressed' and before in ('opened', 'reopened', 'renamed'))
         - count(*) filter (where event = 'closed' and before is distinct from 'opened' and before is distinct from 'reopened' and before is distinct from 'renamed') as ended
  from told group by 1
)
select day::text as day, sum(opened)::bigint as opened, sum(ended)::bigint as ended
from (select * from plain union all select * from other) as both_kinds
group by both_kinds.day order by 1
