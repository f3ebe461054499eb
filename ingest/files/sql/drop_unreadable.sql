-- Files that could be read this time are parked no more.
delete from ingest.parked where tenant_id = $1 and id = any ($2)
