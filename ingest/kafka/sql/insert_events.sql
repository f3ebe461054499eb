-- Events of one tenant, as arrays: one statement however many there are. Their ids are derived, so one that comes
-- again is a duplicate for whoever reads them.
insert into ingest.scan_run_event (tenant_id, scan_run_id, occurred_at, event_type, payload, event_id)
select $1, r, o, k, p::jsonb, e from unnest($2::bigint[], $3::timestamptz[], $4::text[], $5::text[], $6::uuid[]) as u(r, o, k, p, e)
