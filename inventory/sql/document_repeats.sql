-- The documents that said the same as document $2 later, in the order of their times.
select 'sha256:' || encode(content_hash, 'hex') || ' ' || origin
from ingest.document_alias
where tenant_id = $1 and document_id = $2::uuid
order by document_time, content_hash
