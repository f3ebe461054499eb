-- The keys that any version of these records speaks of: what an old version covered has to be looked at too.
select distinct a.match_key
from unnest($2::text[]) as k (external_id)
cross join lateral (select id from vex.vuln_fact where tenant_id = $1 and external_id = k.external_id offset 0) as f
cross join lateral (select match_key from vex.vuln_affected where tenant_id = $1 and fact_id = f.id offset 0) as a
order by 1
