insert into ingest.document_alias (tenant_id, content_hash, document_id, artifact_id, stream, document_time, origin, scan_run_id)
select $1, content_hash, document_id, artifact_id, stream, document_time, origin, scan_run_id
from t_alias order by content_hash
on conflict (tenant_id, content_hash) do nothing
