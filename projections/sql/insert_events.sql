-- The events of a batch: scan run, what happened, payload, derived id.
insert into ingest.scan_run_event (tenant_id, scan_run_id, occurred_at, event_type, payload, event_id)
select $1, run, clock_timestamp(), event, payload::jsonb, id
from unnest($2::bigint[], $3::text[], $4::text[], $5::uuid[]) as e (run, event, payload, id)
