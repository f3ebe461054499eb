-- Every original, in the order of the key, after the one that was read last.
select tenant_id, content_hash, encoding, size, bytes from ingest.original
where (tenant_id, content_hash) > ($1, $2) order by tenant_id, content_hash limit 200
