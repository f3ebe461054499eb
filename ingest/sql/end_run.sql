-- Closes a run with its summary.
update ingest.scan_run set state = $3, counts = $4::jsonb, updated_at = now(), finished_at = now() where tenant_id = $1 and id = $2
