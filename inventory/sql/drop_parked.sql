-- Deletes what is parked of tenant $1 with one of the ids $2 (null is any) and for reason $3 ('' is any),
-- and the envelopes that came with it.
with dropped as (
  delete from ingest.parked
  where tenant_id = $1 and ($2::bigint[] is null or id = any ($2)) and ($3 = '' or reason = $3)
  returning content_hash, reason
), signatures as (
  delete from artifact.signature s using dropped d where s.tenant_id = $1 and s.content_hash = d.content_hash
)
select 'sha256:' || encode(content_hash, 'hex') as hash, reason from dropped
