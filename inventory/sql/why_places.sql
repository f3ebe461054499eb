-- The current documents of artifact $2 that list package $3. Their originals by the document's id: the hash of a stream is
-- that of the newest repetition, of which no bytes are kept.
select t.stream, o.document_id::text, 'sha256:' || encode(o.content_hash, 'hex'), o.format, o.origin, t.document_time
from artifact.stream t
join ingest.sbom_component c on c.tenant_id = t.tenant_id and c.artifact_id = t.artifact_id and c.stream = t.stream and c.component_id = $3
join ingest.sbom_document d on d.tenant_id = t.tenant_id and d.id = t.document_id
join ingest.original o on o.tenant_id = t.tenant_id and o.document_id = d.document_id
where t.tenant_id = $1 and t.artifact_id = $2
order by t.stream
