-- The bytes of a document, as they are stored.
select encoding, bytes, size from ingest.original where tenant_id = $1 and content_hash = $2
