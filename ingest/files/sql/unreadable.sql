-- Files that could not be read when they were tried last: they have a row and no bytes.
select origin, id from ingest.parked where tenant_id = $1 and reason = $2 and bytes is null
