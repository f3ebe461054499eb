-- Locks the summary of a run that several processes, or several attempts, write to.
select counts, state, created_at, coalesce(finished_at, updated_at), now() from ingest.scan_run where tenant_id = $1 and id = $2 for update
