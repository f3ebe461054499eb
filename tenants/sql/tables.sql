-- Every table that has rows of tenants, partitions one by one, but for the tenant's own row, which goes
-- last, and the audit log with its chain, which nobody changes.
select n.nspname, c.relname
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
where c.relkind = 'r' and n.nspname in ('artifact', 'authority', 'core', 'ingest', 'routing', 'unknowns', 'vex')
  and not (n.nspname = 'authority' and c.relname ~ '^(tenant|audit_.*)$')
order by n.nspname, c.relname
