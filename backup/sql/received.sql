-- How many originals came before a time, by tenant.
select tenant_id::text, count(*) from ingest.original where received_at <= $1 group by tenant_id
