-- What covers a package no more.
delete from vex.package_vuln
where tenant_id = $1 and ctid = any (array(
  select v.ctid from unnest($2::uuid[], $3::text[], $4::uuid[]) as k (package, vuln, fact)
  cross join lateral (select ctid from vex.package_vuln where tenant_id = $1 and package_id = k.package and vuln_id = k.vuln and fact_id = k.fact offset 0) as v))
