-- Of which artifact and stream the stored SBOMs $2 of tenant $1 are, for those who send their bytes again
-- and say something else.
select o.document_id, d.artifact_id, d.artifact_purl, d.stream
from ingest.original o
join ingest.sbom_document d on d.tenant_id = o.tenant_id and d.content_hash = o.content_hash
where o.tenant_id = $1 and o.document_id = any ($2)
