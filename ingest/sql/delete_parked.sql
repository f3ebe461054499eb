-- A document that lands is parked no more, whenever it was.
delete from ingest.parked where tenant_id = $1 and content_hash = any ($2)
