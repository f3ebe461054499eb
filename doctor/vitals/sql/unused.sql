-- Indexes that no statement used since the server counts. Keys are kept for what they forbid. Of a partitioned
-- table all partitions count as one.
with locked as (
  select relation from pg_locks where mode = 'AccessExclusiveLock' and granted and relation is not null
), family as (
  select s.indexrelid, coalesce((select i.inhparent from pg_inherits i where i.inhrelid = s.indexrelid), s.indexrelid) as head, s.idx_scan,
    case when s.relid in (select relation from locked) or s.indexrelid in (select relation from locked) then 0 else pg_relation_size(s.indexrelid) end as bytes
  from pg_stat_user_indexes s join pg_index x on x.indexrelid = s.indexrelid
  where not x.indisunique and not x.indisprimary
)
select n.nspname || '.' || c.relname as name, sum(f.bytes)::bigint as bytes
from family f join pg_class c on c.oid = f.head join pg_namespace n on n.oid = c.relnamespace
group by 1 having sum(f.idx_scan) = 0 and sum(f.bytes) >= $1
order by 2 desc, 1;
