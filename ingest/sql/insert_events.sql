-- What became of each document, written in the transaction in which it did.
insert into ingest.scan_run_event (tenant_id, scan_run_id, occurred_at, event_type, payload, event_id)
select $1, scan_run_id, clock_timestamp(), event_type, payload::jsonb, event_id from unnest($2::bigint[], $3::text[], $4::text[], $5::uuid[]) as t (scan_run_id, event_type, payload, event_id)
