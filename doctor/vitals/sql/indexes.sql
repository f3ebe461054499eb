-- The largest B-tree indexes. An entry takes the width of its columns and 16 bytes, and pages are filled to nine tenths.
with locked as (
  select relation from pg_locks where mode = 'AccessExclusiveLock' and granted and relation is not null
), widths as (
  select x.indexrelid, sum(st.avg_width * (1 - st.null_frac)) as width, count(*) as columns
  from pg_index x cross join unnest(x.indkey) k (attnum)
    join pg_class t on t.oid = x.indrelid join pg_namespace n on n.oid = t.relnamespace
    join pg_attribute a on a.attrelid = x.indrelid and a.attnum = k.attnum
    join pg_stats st on st.schemaname = n.nspname and st.tablename = t.relname and st.attname = a.attname
  group by 1
)
select s.schemaname || '.' || s.indexrelname as name, case when s.relid in (select relation from locked) or s.indexrelid in (select relation from locked) then c.relpages::bigint * 8192 else pg_relation_size(s.indexrelid) end as bytes,
  case when w.columns = x.indnatts and c.reltuples > 0 and c.relpages > 0
       then greatest(0, 1 - ceil(c.reltuples * (w.width + 16) / (8152 * 0.9)) / c.relpages) end::float8 as bloat
from pg_stat_user_indexes s join pg_class c on c.oid = s.indexrelid join pg_am m on m.oid = c.relam join pg_index x on x.indexrelid = c.oid
  left join widths w on w.indexrelid = s.indexrelid
where m.amname = 'btree'
order by bytes desc, name limit $1;
