-- Which of the streams of artifacts $2, named $3, have documents, and those of them that were stored
-- without a meaning hash, with what was found out about them since. These are found by
-- ix_sbom_doc_unhashed, which nobody else is in: a stream of ten thousand documents costs no more than one
-- of two. What is found stays until the commit; see look_up_meaning.
select s.artifact_id, s.stream, u.document_id, u.meaning_hash,
  case when u.document_id is not null then
    pg_advisory_xact_lock_shared(hashtextextended('sluice.retention.' || $1::uuid::text, 0)) is not null end as held
from unnest($2::uuid[], $3::text[]) as s (artifact_id, stream)
cross join lateral (
  select from ingest.sbom_document
  where tenant_id = $1 and artifact_id = s.artifact_id and stream = s.stream limit 1) as h
left join lateral (
  select d.document_id, i.meaning_hash
  from ingest.sbom_document d
  cross join lateral (select meaning_hash from ingest.sbom_inventory where tenant_id = $1 and sbom_document_id = d.id offset 0) as i
  where d.tenant_id = $1 and d.artifact_id = s.artifact_id and d.stream = s.stream and d.meaning_hash is null offset 0) as u on true
