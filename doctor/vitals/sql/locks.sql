-- Who waits for a lock, for how long, and for whom.
select 'process ' || l.pid as name, coalesce(l.relation::regclass::text, l.locktype) as what, extract(epoch from clock_timestamp() - min(l.waitstart))::float8 as seconds,
  array_to_string(pg_blocking_pids(l.pid), ', ') as blockers
from pg_locks l where not l.granted and (l.database = (select oid from pg_database where datname = current_database()) or l.database is null or l.database = 0)
group by l.pid, 2 order by seconds desc nulls last limit 20;
