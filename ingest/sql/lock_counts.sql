-- Locks the summary of a run that several processes write to.
select counts from ingest.scan_run where tenant_id = $1 and id = $2 for update
