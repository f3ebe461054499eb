-- The warnings of one document ($2), as it gave them.
select code, pointer, message, line, count from ingest.document_warning
where tenant_id = $1 and content_hash = $2
order by ordinal
