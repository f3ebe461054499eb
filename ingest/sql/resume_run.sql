-- Takes an earlier run up again, with what it has done so far.
update ingest.scan_run set state = 'running', counts = $3::jsonb, updated_at = now(), finished_at = null where tenant_id = $1 and id = $2
