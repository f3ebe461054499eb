-- The largest tables, partitions for themselves. Dead rows are counted by the server; the pages that a
-- table needs are estimated from the width of its columns where their statistics are shown to us: row security
-- hides them from all but superusers and roles that bypass it.
-- A size is asked for by opening the table: of one that is locked as a whole it is that of the last vacuum.
with locked as (
  select relation from pg_locks where mode = 'AccessExclusiveLock' and granted and relation is not null
), widths as (
  select schemaname, tablename, sum(avg_width * (1 - null_frac)) as width from pg_stats group by 1, 2
)
select s.schemaname || '.' || s.relname as name, case when s.relid in (select relation from locked) then c.relpages::bigint * 8192 else pg_total_relation_size(s.relid) end as bytes, s.n_live_tup as live, s.n_dead_tup as dead,
  case when w.width is not null and c.reltuples > 0 and c.relpages > 0
       then greatest(0, 1 - ceil(c.reltuples * (w.width + 28) / 8168) / c.relpages) end::float8 as bloat,
  greatest(s.last_vacuum, s.last_autovacuum) as vacuumed
from pg_stat_user_tables s join pg_class c on c.oid = s.relid left join widths w on w.schemaname = s.schemaname and w.tablename = s.relname
order by bytes desc, name limit $1;
