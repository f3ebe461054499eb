-- What was committed since the last look, and what is since $4: events of tenant $1, of run $2 (0 is
-- any). The time of an event does not say when it was committed, its transaction's number does: what is
-- not older than the oldest transaction that ran at the last look ($5) may be new. So some come again,
-- which the caller knows by their ids. $3 is for the partitions and the index.
select occurred_at, scan_run_id, event_type, event_id, payload
from ingest.scan_run_event
where tenant_id = $1 and ($2 = 0 or scan_run_id = $2) and occurred_at >= $3 and (occurred_at >= $4 or age(xmin) <= age($5::text::xid))
order by occurred_at, event_id
