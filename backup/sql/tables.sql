-- The tables with rows of ours, partitions each for themselves.
select n.nspname::text, c.relname::text, c.oid
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'm') and c.relpersistence = 'p' and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast', 'drill')
order by 1, 2
