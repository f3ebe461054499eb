-- The current documents of these streams ($2, $3), as projected.
select d.document_id
from unnest($2::uuid[], $3::text[]) as k (artifact_id, stream)
cross join lateral (
  select document_id from artifact.stream where tenant_id = $1 and artifact_id = k.artifact_id and stream = k.stream offset 0) as s
cross join lateral (select document_id from ingest.sbom_document where tenant_id = $1 and id = s.document_id offset 0) as d
