-- The content hash of the document with hash $2 or id $3, of tenant $1 or, where that has
-- none, of the shared feed: its documents are everybody's to read.
select tenant_id, content_hash from ingest.original
where tenant_id = any (array[$1::uuid, core.shared_tenant()]) and (content_hash = $2 or document_id = $3)
order by tenant_id = core.shared_tenant()
limit 1
