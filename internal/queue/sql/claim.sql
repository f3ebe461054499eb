-- The specification's claim (3.3) for a batch of one tenant's jobs: oldest first, past those
-- that another worker is claiming at this moment.
with picked as materialized (
  select id from core.job_queue
  where tenant_id = $1 and locked_at is null and run_after <= now()
  order by id
  for update skip locked
  limit $2
)
update core.job_queue j
set locked_at = now(), locked_by = $3, lease_token = $4, lease_until = now() + $5, attempts = j.attempts + 1
from picked where j.id = picked.id
returning j.id, j.kind, j.payload, coalesce(j.dedup_key, ''), j.attempts
