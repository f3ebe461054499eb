-- supersedes_id is what was stored as the newest of the stream when this one came; which
-- document is current is decided by the projection, by document time.
insert into ingest.sbom_document (tenant_id, artifact_purl, content_hash, doc, document_id, external_id, format, format_version,
  artifact_id, artifact_from, stream, document_time, meaning_hash, component_count, bom_serial, scan_run_id, supersedes_id)
select $1, artifact_purl, content_hash, doc::jsonb, document_id, external_id, format, format_version,
  artifact_id, artifact_from, stream, document_time, meaning_hash, component_count, bom_serial, scan_run_id,
  (select d.id from ingest.sbom_document d
   where d.tenant_id = $1 and d.artifact_id = t.artifact_id and d.stream = t.stream
   order by d.document_time desc nulls last, d.content_hash desc limit 1)
from t_sbom t order by content_hash
