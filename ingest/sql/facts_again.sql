-- When these versions of records ($2) were modified, as far as their documents do not say, and
-- which packages they cover: that was found by keys that they may not have any more.
select f.id, f.modified, coalesce(p.packages, '{}')
from unnest($2::uuid[]) as k (fact)
cross join lateral (select id, modified, names from vex.vuln_fact where tenant_id = $1 and id = k.fact offset 0) as f
cross join lateral (
  select array_agg(distinct package_id) as packages from vex.package_vuln
  where tenant_id = $1 and vuln_id = any (f.names) and fact_id = f.id) as p
