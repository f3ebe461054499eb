-- The keys that any version of these records speaks of: what an old version covered has to be looked at too.
select distinct a.match_key
from vex.vuln_fact f join vex.vuln_affected a on a.tenant_id = f.tenant_id and a.fact_id = f.id
where f.tenant_id = $1 and f.external_id = any ($2)
order by 1
