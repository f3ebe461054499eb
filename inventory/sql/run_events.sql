-- The events of run $2 of tenant $1 between $3 and $4, the oldest first, $5 at most (0 is all).
select occurred_at, scan_run_id, event_type, event_id, payload
from ingest.scan_run_event
where tenant_id = $1 and scan_run_id = $2 and occurred_at >= $3 and occurred_at <= $4
order by occurred_at, event_id
limit nullif($5::bigint, 0)
