-- Up to $3 parked documents that nobody tried again since $2.
delete from ingest.parked
where tenant_id = $1 and id = any (array(
  select id from ingest.parked where tenant_id = $1 and updated_at < $2 order by id limit $3))
returning content_hash, size
