-- The tables that are large enough for a wrong plan to be felt, partitions under their parent's name too, and
-- whether they have a tenant.
select n.nspname || '.' || c.relname as name, greatest(c.reltuples, 0)::bigint as rows
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and c.reltuples >= $1
  and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped);
