-- Whether anything of the tenants $1 (null or empty: all) is still to be done: jobs without
-- a tenant are marks, not work, nor is the end of a decision before its date. A job that failed $2 times comes again, but nobody waits for
-- it. The failing ones are counted only once nothing else is left: until then the queue is long.
with mine as not materialized (
  select id, attempts, last_error, locked_at from core.job_queue
  where tenant_id is not null and (coalesce(cardinality($1::uuid[]), 0) = 0 or tenant_id = any ($1))
    and not (kind = 'expiry' and locked_at is null and attempts = 0 and run_after > now())
), open as materialized (
  select exists (select from mine where locked_at is not null or last_error is null or attempts < $2) as yes
)
select yes,
       case when yes then 0 else (select count(*) from mine) end,
       case when yes then '' else coalesce((select last_error from mine order by id limit 1), '') end
from open
