-- Up to $3 parked documents that nobody tried again since $2, with the envelopes that they came in.
with dropped as (
  delete from ingest.parked
  where tenant_id = $1 and id = any (array(
    select id from ingest.parked where tenant_id = $1 and updated_at < $2 order by id limit $3))
  returning content_hash, size
), signatures as (
  delete from artifact.signature s using dropped d where s.tenant_id = $1 and s.content_hash = d.content_hash
)
select content_hash, size from dropped
