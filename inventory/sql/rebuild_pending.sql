-- Jobs of a rebuild that are not done yet, and those of them that were given up.
select count(*), count(*) filter (where run_after = 'infinity')
from core.job_queue where tenant_id = $1 and dedup_key = 'rebuild'
