-- Every document is read again from its original.
insert into core.job_queue (tenant_id, kind, payload, dedup_key)
select $1, 'reread', jsonb_build_object('document', document_id), 'rebuild'
from ingest.original where tenant_id = $1 order by content_hash
