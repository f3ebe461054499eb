update vex.vuln_alias a set is_current = k.is_current
from unnest($2::uuid[], $3::bool[]) as k (id, is_current)
where a.tenant_id = $1 and a.fact_id = k.id and a.is_current <> k.is_current
