-- What is stored of the packages $2: all of it, or that of the facts $3.
select v.package_id, v.vuln_id, v.fact_id, v.advisory, v.source, v.matched_by, v.match_range, v.fixed_versions, v.score, v.severity, ''
from unnest($2::uuid[]) as k (package)
cross join lateral (select * from vex.package_vuln where tenant_id = $1 and package_id = k.package offset 0) as v
where $3::uuid[] is null or v.fact_id in (select unnest($3::uuid[]))
