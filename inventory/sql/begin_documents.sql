-- Content hashes of documents that begin like $2, the newest first, for a shell to complete.
select name from (
  select 'sha256:' || encode(content_hash, 'hex') as name, received_at from ingest.original where tenant_id = $1 order by received_at desc, document_id desc limit 10000) as o
where starts_with(name, $2) limit $3
