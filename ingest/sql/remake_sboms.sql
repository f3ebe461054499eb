-- Brings SBOMs that were read again (t_again) to what they list and are about now, and returns
-- the streams to look at: those whose document lists something else, and, of a document that is
-- about another artifact, the stream that it leaves and the one that it comes to. A repeat goes with
-- the document that it repeats. A stream without its place in artifact.stream is projected anew, and
-- one without a time line has its unknowns worked out anew.
with again as materialized (
  select t.*, d.artifact_id as was, d.stream,
         d.artifact_id is distinct from t.artifact_id as moved,
         (i.package_ids, i.unmatched) is distinct from (t.package_ids, t.unmatched::jsonb) as other
  from t_again t
  cross join lateral (select artifact_id, stream from ingest.sbom_document where tenant_id = $1 and id = t.sbom_document_id offset 0) as d
  cross join lateral (select package_ids, unmatched from ingest.sbom_inventory where tenant_id = $1 and sbom_document_id = t.sbom_document_id offset 0) as i
), documents as (
  update ingest.sbom_document d
  set artifact_id = a.artifact_id, artifact_purl = a.artifact_purl, artifact_from = a.artifact_from
  from again a where a.moved and d.tenant_id = $1 and d.id = a.sbom_document_id
), repeats as (
  update ingest.document_alias l set artifact_id = a.artifact_id
  from again a where a.moved and l.tenant_id = $1 and l.artifact_id = a.was and l.stream = a.stream and l.document_id = a.document_id
), inventories as (
  update ingest.sbom_inventory i set package_ids = a.package_ids, unmatched = a.unmatched::jsonb
  from again a where a.other and i.tenant_id = $1 and i.sbom_document_id = a.sbom_document_id
), places as (
  update artifact.stream s set document_id = 0
  from again a where a.other and s.tenant_id = $1 and s.artifact_id = a.was and s.stream = a.stream and s.document_id = a.sbom_document_id
), timeline as (
  delete from unknowns.timeline t using again a
  where (a.other or a.moved) and t.tenant_id = $1 and t.artifact_id = a.was and t.stream = a.stream
)
select was, stream from again where moved or other
union
select artifact_id, stream from again where moved
