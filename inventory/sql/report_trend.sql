-- How many findings came to be open and how many ceased to be, in tenant $1, on each day (UTC) since $2. What was
-- suppressed from the beginning never was open, nor did it cease to be when it was closed: the event before says so,
-- and one before $2 is looked for by the index where it matters. A renamed finding keeps what it was.
with h as materialized (
  select at, event, artifact_id, package_id, vuln_id,
         lag(event) over (partition by artifact_id, package_id, vuln_id order by at) as before
  from vex.finding_history
  where tenant_id = $1 and at >= $2 and event <> 'changed'
), e as (
  select at, event,
         coalesce(before, case when event in ('closed', 'suppressed') then (
           select o.event from vex.finding_history o
           where o.tenant_id = $1 and o.artifact_id = h.artifact_id and o.package_id = h.package_id and o.vuln_id = h.vuln_id and o.at < $2 and o.event <> 'changed'
           order by o.at desc limit 1) end) as before
  from h
)
select (at at time zone 'utc')::date::text as day,
       count(*) filter (where event in ('opened', 'reopened')) as opened,
       count(*) filter (where event in ('closed', 'suppressed') and before in ('opened', 'reopened', 'renamed')) as ended
from e group by 1 order by 1
