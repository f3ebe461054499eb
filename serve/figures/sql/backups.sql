-- When each kind of backup succeeded last and when it failed last, in seconds; 0: never, or not since
-- it succeeded. Full backups and drills are tasks of maintenance; the archive of WAL is the server's own
-- where an archive_command does it.
select kind, coalesce(extract(epoch from success), 0)::float8, coalesce(extract(epoch from failure), 0)::float8
from (
  select case task when 'backup' then 'base' else task end as kind, last_success as success, case when last_error is not null then updated_at end as failure
  from core.maintenance where task in ('backup', 'drill')
  union all
  select 'wal', last_archived_time, case when last_failed_time > coalesce(last_archived_time, '-infinity') then last_failed_time end
  from pg_stat_archiver where current_setting('archive_mode') <> 'off' and coalesce(last_archived_time, last_failed_time) is not null
) b
