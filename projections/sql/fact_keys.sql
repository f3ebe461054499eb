-- The keys that any version of these records ($2), of these tenants ($1), speaks of: what an
-- old version covered has to be looked at too.
select distinct f.external_id, a.match_key
from vex.vuln_fact f join vex.vuln_affected a on a.tenant_id = f.tenant_id and a.fact_id = f.id
where f.tenant_id = any ($1) and f.external_id = any ($2)
order by 1, 2
