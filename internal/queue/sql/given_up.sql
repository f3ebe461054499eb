-- How many jobs were given up, by kind. A loose index scan finds the kinds, and the same index
-- the jobs: what waits is not read.
with recursive kinds as (
  (select kind from core.job_queue where locked_at is null order by kind limit 1)
  union all
  select (select j.kind from core.job_queue j where j.locked_at is null and j.kind > k.kind order by j.kind limit 1)
  from kinds k where k.kind is not null
)
select kind, (select count(*) from core.job_queue j where j.kind = k.kind and j.run_after = 'infinity' and j.locked_at is null and j.tenant_id is not null)
from kinds k where kind is not null and kind <> 'views'
