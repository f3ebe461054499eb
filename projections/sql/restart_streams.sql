-- The streams $2, $3 are projected as if for the first time: no document is on record as current,
-- and what was unknown when is worked out anew.
with timeline as (
  delete from unknowns.timeline t using unnest($2::uuid[], $3::text[]) as k (artifact_id, stream)
  where t.tenant_id = $1 and t.artifact_id = k.artifact_id and t.stream = k.stream
)
update artifact.stream a set document_id = 0 from unnest($2::uuid[], $3::text[]) as k (artifact_id, stream)
where a.tenant_id = $1 and a.artifact_id = k.artifact_id and a.stream = k.stream
