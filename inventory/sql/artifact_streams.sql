-- The current documents of artifact $2 of tenant $1, one per stream.
select s.stream, d.document_id::text as document, d.format, d.format_version, coalesce(s.document_time, d.created_at) as seen, s.component_count as components
from artifact.stream s join ingest.sbom_document d on d.tenant_id = $1 and d.id = s.document_id
where s.tenant_id = $1 and s.artifact_id = $2 order by s.stream
