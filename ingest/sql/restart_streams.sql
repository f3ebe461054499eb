-- The streams that list these packages ($2), which are found in another way now, or cannot be
-- matched where they could: each is projected as if for the first time, so that unknowns are worked out anew.
with s as materialized (
  select distinct c.artifact_id, c.stream from unnest($2::uuid[]) as k (package)
  cross join lateral (select artifact_id, stream from ingest.sbom_component where tenant_id = $1 and package_id = k.package offset 0) as c
), timeline as (
  delete from unknowns.timeline t using s where t.tenant_id = $1 and t.artifact_id = s.artifact_id and t.stream = s.stream
), places as (
  update artifact.stream a set document_id = 0 from s where a.tenant_id = $1 and a.artifact_id = s.artifact_id and a.stream = s.stream
)
select artifact_id, stream from s
