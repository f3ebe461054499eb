-- Why documents of run $2 of tenant $1 were parked, between $3 and $4: by the events, which stay when
-- the documents are replayed or dropped.
select coalesce(payload ->> 'reason', ''), count(*)
from ingest.scan_run_event
where tenant_id = $1 and scan_run_id = $2 and occurred_at >= $3 and occurred_at <= $4 and event_type = 'parked'
group by 1
