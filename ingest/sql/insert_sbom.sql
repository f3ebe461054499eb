-- The document and what it lists, in one statement: the inventory needs the number that the document gets.
-- supersedes_id is what was stored as the newest of the stream when this one came; which
-- document is current is decided by the projection, by document time.
with stored as (
  insert into ingest.sbom_document (tenant_id, content_hash, document_id, artifact_purl, doc, external_id, format, format_version,
    artifact_id, artifact_from, stream, document_time, meaning_hash, component_count, bom_serial, version_rank, scan_run_id, supersedes_id)
  values ($1, $2, $3, $4, $5::jsonb, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
    (select d.id from ingest.sbom_document d
     where d.tenant_id = $1 and d.artifact_id = $9 and d.stream = $11
     order by d.document_time desc nulls last, d.content_hash desc limit 1))
  returning id)
insert into ingest.sbom_inventory (tenant_id, sbom_document_id, package_ids, unmatched)
select $1, id, $18::uuid[], $19::text::jsonb from stored
