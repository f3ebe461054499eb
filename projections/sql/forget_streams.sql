-- The streams in which these documents ($2) are current are projected as if for the first time:
-- what is listed is compared with what the document lists now, and unknowns are worked out anew.
with s as materialized (
  select s.artifact_id, s.stream
  from unnest($2::uuid[]) as k (document)
  cross join lateral (select content_hash from ingest.original where tenant_id = $1 and document_id = k.document offset 0) as o
  cross join lateral (select id, artifact_id, stream from ingest.sbom_document where tenant_id = $1 and content_hash = o.content_hash offset 0) as d
  cross join lateral (
    select artifact_id, stream from artifact.stream
    where tenant_id = $1 and artifact_id = d.artifact_id and stream = d.stream and document_id = d.id offset 0) as s
), forgotten as (
  delete from unknowns.timeline t using s where t.tenant_id = $1 and t.artifact_id = s.artifact_id and t.stream = s.stream
)
update artifact.stream a set document_id = 0 from s
where a.tenant_id = $1 and a.artifact_id = s.artifact_id and a.stream = s.stream
