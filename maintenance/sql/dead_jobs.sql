-- Jobs that were given up, by tenant: how many, how many of them are older than $1 (null: none
-- is), and the error of one.
select tenant_id, count(*), count(*) filter (where created_at < now() - $1::interval), coalesce(min(last_error), '')
from core.job_queue where run_after = 'infinity' and locked_at is null and tenant_id is not null
group by tenant_id order by tenant_id
