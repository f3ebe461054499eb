-- Scan runs of tenant $1, the newest first: the one with number $2, or with 0 those that began
-- since $3 (null is ever), $4 at most (0 is all). heard says whether one that is running was heard
-- of since $5: a parameter, not now(), so that partitions that are older need not even be planned.
select r.id, r.source, r.arguments, r.state, r.started_by, r.created_at, r.updated_at, r.finished_at, r.counts,
  r.updated_at >= $5 or exists (
    select from ingest.scan_run_event
    where r.state = 'running' and tenant_id = $1 and scan_run_id = r.id and occurred_at >= $5 offset 0) as heard
from (
  select * from ingest.scan_run
  where tenant_id = $1 and ($2 = 0 or id = $2) and ($3::timestamptz is null or created_at >= $3)
  order by id desc limit nullif($4::bigint, 0)) as r
order by r.id desc
