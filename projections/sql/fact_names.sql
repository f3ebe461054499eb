select distinct n
from unnest($2::text[]) as k (external_id)
cross join lateral (select names, external_id from vex.vuln_fact where tenant_id = $1 and external_id = k.external_id offset 0) as f
cross join lateral unnest(f.names || f.external_id) as n
