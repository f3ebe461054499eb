-- How a table is cut, and by what: no row where it is not partitioned.
select k.partstrat::text, k.partnatts, coalesce(a.attname, ''), coalesce(a.atttypid = 'timestamptz'::regtype, false)
from pg_partitioned_table k left join pg_attribute a on a.attrelid = k.partrelid and a.attnum = k.partattrs[0]
where k.partrelid = to_regclass($1)
