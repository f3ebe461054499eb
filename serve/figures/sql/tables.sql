-- The size of every table of ours, of each index, and how many rows there are by the statistics:
-- partitions count for their parent. Off the catalogue and the file system, no table is read.
-- An index of a partition belongs to that of its parent, one that only a partition has to none.
with t as (
  select c.oid, coalesce(i.inhparent, c.oid) as parent
  from pg_class c left join pg_inherits i on i.inhrelid = c.oid and c.relispartition
  where c.relkind = 'r' and c.relnamespace = any ($1::text[]::regnamespace[])
), x as (
  select t.parent, coalesce(h.inhparent, i.indexrelid) as index, pg_relation_size(i.indexrelid) as bytes
  from t join pg_index i on i.indrelid = t.oid left join pg_inherits h on h.inhrelid = i.indexrelid
), named as (
  select oid, (select nspname from pg_namespace n where n.oid = relnamespace) || '.' || relname as name from pg_class
)
select n.name, '' as index, sum(pg_table_size(t.oid))::float8 as bytes,
       -- After a crash the counters begin anew, and before the first ANALYZE there is no estimate.
       sum(greatest(pg_stat_get_live_tuples(t.oid), c.reltuples, 0))::float8 as rows
from t join pg_class c on c.oid = t.oid join named n on n.oid = t.parent group by n.name
union all
select n.name, c.relname, sum(x.bytes)::float8, 0
from x join named n on n.oid = x.parent join pg_class c on c.oid = x.index group by n.name, c.relname
