-- What the attempts of run $2 have stored so far, file by file.
select path, first_entry, last_entry, complete, size, modified_at
from ingest.file_checkpoint where tenant_id = $1 and scan_run_id = $2 order by path, first_entry
