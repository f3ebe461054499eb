delete from ingest.parked where tenant_id = $1 and content_hash = any ($2)
