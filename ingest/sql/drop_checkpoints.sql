-- A run that is done needs its checkpoints no more.
delete from ingest.file_checkpoint where tenant_id = $1 and scan_run_id = $2
