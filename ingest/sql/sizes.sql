-- How large the originals of these documents ($2) are, in the order in which they are read.
select document_id, size from unnest($2::uuid[]) as k (document)
cross join lateral (select document_id, size, content_hash from ingest.original where tenant_id = $1 and document_id = k.document offset 0) as o
order by content_hash
