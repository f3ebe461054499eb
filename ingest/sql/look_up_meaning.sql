-- Stored documents that say the same as new ones: by meaning, then by stream. OFFSET
-- keeps the probes probes; see look_up. What is found stays until the commit: retention
-- (maintenance) takes the same lock for itself. Where it was there first,
-- insert_aliases finds the document gone.
select d.document_id, d.artifact_id, d.stream, m.hash,
  pg_advisory_xact_lock_shared(hashtextextended('sluice.retention.' || $1::uuid::text, 0)) is not null as held
from unnest($2::bytea[]) as m (hash)
cross join lateral (
  select document_id, artifact_id, stream from ingest.sbom_document
  where tenant_id = $1 and meaning_hash = m.hash offset 0) as d
