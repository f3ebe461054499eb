-- finished_at is when the run was changed last: what is known of its end.
update ingest.scan_run set state = 'stopped', finished_at = updated_at, updated_at = now()
where tenant_id = $1 and id = any ($2) and state = 'running' and updated_at < $3
