-- Deletes documents ($2 ids, $3 content hashes, $4 the SBOMs among them) with all that they
-- said. Packages and artifacts stay: other documents and decisions speak of them.
with facts as materialized (
  select id from vex.vuln_fact where tenant_id = $1 and content_hash = any ($3)
), affected as (
  delete from vex.vuln_affected where tenant_id = $1 and fact_id in (select id from facts)
), edges as (
  delete from vex.vuln_alias where tenant_id = $1 and fact_id in (select id from facts)
), records as (
  delete from vex.vuln_fact where tenant_id = $1 and id in (select id from facts)
), statements as (
  delete from vex.vex_statement where tenant_id = $1 and document_id = any ($2)
), vex as (
  delete from vex.vex_document where tenant_id = $1 and id = any ($2)
), inventories as (
  delete from ingest.sbom_inventory where tenant_id = $1 and sbom_document_id = any ($4)
), streams as materialized (
  select document_id, artifact_id, stream from ingest.sbom_document where tenant_id = $1 and content_hash = any ($3)
), aliases as (
  delete from ingest.document_alias a using streams s
  where a.tenant_id = $1 and a.artifact_id = s.artifact_id and a.stream = s.stream and a.document_id = s.document_id
  returning a.content_hash
), signatures as (
  delete from artifact.signature where tenant_id = $1 and (content_hash = any ($3) or content_hash in (select content_hash from aliases))
), sboms as (
  delete from ingest.sbom_document where tenant_id = $1 and content_hash = any ($3)
)
delete from ingest.original where tenant_id = $1 and content_hash = any ($3)
