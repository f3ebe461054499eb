-- Writes the summary that was locked and added to.
update ingest.scan_run set counts = $3::jsonb, updated_at = now() where tenant_id = $1 and id = $2
