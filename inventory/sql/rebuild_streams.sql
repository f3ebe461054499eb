-- Every stream is projected as if for the first time: those that documents are in, and those that
-- are on record without one.
insert into core.job_queue (tenant_id, kind, payload, dedup_key)
select $1, 'sbom', jsonb_build_object('artifact', artifact_id, 'stream', stream, 'restart', true), 'rebuild'
from (
  select artifact_id, stream from ingest.sbom_document where tenant_id = $1
  union
  select artifact_id, stream from artifact.stream where tenant_id = $1
) as s order by artifact_id, stream
