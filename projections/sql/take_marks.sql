-- What is marked before this is in the snapshot that the refresh takes after it.
delete from core.job_queue where kind = 'views' and tenant_id is null and locked_at is null
