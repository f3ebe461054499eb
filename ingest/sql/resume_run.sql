-- Takes an earlier run up again; no row means that it is not this tenant's.
update ingest.scan_run set state = 'running', updated_at = now(), finished_at = null where tenant_id = $1 and id = $2
