-- The policies, of one table where $1 names it.
select parent, step, coalesce(next_step, ''), next_step_from, premake, premake_for, behind, max_past, max_future,
       retention, on_expiry, storage, coalesce(tablespace, ''), closed_until, analyzed_at, last_success, coalesce(last_error, '')
from core.partition_policy where $1 = '' or parent = $1 order by parent
