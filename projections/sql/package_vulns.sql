-- Which facts cover these packages: $2 by all of their vulnerabilities, $3 by $4 only. With
-- the content hash of the document that the fact is in, which is the same for every tenant.
select v.package_id, v.vuln_id, v.fact_id, v.advisory, v.source, v.matched_by, v.match_range, v.fixed_versions, v.score, v.severity,
       'sha256:' || encode(f.content_hash, 'hex')
from (
  select v.*
  from unnest($2::uuid[]) as k (package)
  cross join lateral (select * from vex.package_vuln where tenant_id = $1 and package_id = k.package offset 0) as v
  union all
  select v.*
  from unnest($3::uuid[]) as k (package)
  cross join lateral (select * from vex.package_vuln where tenant_id = $1 and package_id = k.package offset 0) as v
  where v.vuln_id in (select unnest($4::text[]))
) as v
cross join lateral (
  select content_hash from vex.vuln_fact
  where tenant_id = any (array[$1::uuid, '00000000-0000-0000-0000-000000000000'::uuid]) and id = v.fact_id limit 1) as f
order by v.package_id, v.vuln_id, v.advisory, f.content_hash, v.fact_id
