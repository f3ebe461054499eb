-- Topic $2 may carry documents of tenant $1 no more.
delete from ingest.producer where tenant_id = $1 and topic = $2
