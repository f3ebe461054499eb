-- How many scan runs tenant $1 has that began since $2 (null is ever).
select count(*) from ingest.scan_run where tenant_id = $1 and ($2::timestamptz is null or created_at >= $2)
