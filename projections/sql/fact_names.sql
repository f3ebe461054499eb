-- What any version of these records calls what it speaks of: its names, its id, its aliases.
select n from vex.vuln_fact f, unnest(f.names || f.external_id) as n
where f.tenant_id = $1 and f.external_id = any ($2)
union
select unnest(array[a.vuln_id, a.alias])
from vex.vuln_fact f join vex.vuln_alias a on a.tenant_id = f.tenant_id and a.fact_id = f.id
where f.tenant_id = $1 and f.external_id = any ($2)
