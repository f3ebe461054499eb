-- Marks of stale views that no projector has taken up for $1. Marks are no tenant's.
select count(*) from core.job_queue
where kind = 'views' and tenant_id is null and locked_at is null and created_at < now() - $1::interval
