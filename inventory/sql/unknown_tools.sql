-- The tool, with its version, that made the current document of each stream of tenant $1; of artifact $2 alone unless
-- that is null. Those that do not name one are left out.
select a.purl as artifact, t.stream, trim(o.tool || ' ' || o.tool_version) as tool
from artifact.stream t
join artifact.artifact a on a.tenant_id = t.tenant_id and a.id = t.artifact_id
join ingest.sbom_document d on d.tenant_id = t.tenant_id and d.id = t.document_id
join ingest.original o on o.tenant_id = t.tenant_id and o.document_id = d.document_id
where t.tenant_id = $1 and ($2::uuid is null or t.artifact_id = $2) and o.tool <> ''
