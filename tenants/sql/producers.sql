-- Topics that may carry documents of tenant $1.
select topic, created_by, created_at from ingest.producer where tenant_id = $1 order by topic
