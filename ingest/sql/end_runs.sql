-- Runs of the same source that are still open are closed: their day is over.
update ingest.scan_run set state = 'done', finished_at = updated_at
where tenant_id = $1 and source = $2 and arguments[1] = $3 and state = 'running'
