-- What any version of these records calls what it speaks of: its names, its id, its aliases.
with f as materialized (
  select f.id, f.names, k.record
  from unnest($2::text[]) as k (record)
  cross join lateral (select id, names from vex.vuln_fact where tenant_id = $1 and external_id = k.record offset 0) as f
)
select n from f, unnest(f.names || f.record) as n
union
select unnest(array[a.vuln_id, a.alias])
from f cross join lateral (select vuln_id, alias from vex.vuln_alias where tenant_id = $1 and fact_id = f.id offset 0) as a
