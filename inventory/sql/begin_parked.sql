-- Numbers of parked documents that begin like $2, the newest first, for a shell to complete.
select id::text from ingest.parked where tenant_id = $1 and starts_with(id::text, $2) order by id desc limit $3
