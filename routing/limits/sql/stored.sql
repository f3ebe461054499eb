-- How many bytes of documents a tenant has stored.
select coalesce(sum(size), 0)::bigint from ingest.original where tenant_id = $1
