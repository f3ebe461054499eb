-- Where these vulnerabilities ($2) are, or were, found.
with p as materialized (
  select distinct v.package_id from unnest($2::text[]) as k (vuln)
  cross join lateral (select package_id from vex.package_vuln where tenant_id = $1 and vuln_id = k.vuln offset 0) as v
)
insert into p_pair (artifact_id, package_id, whole)
select c.artifact_id, p.package_id, false
from p cross join lateral (select artifact_id from ingest.sbom_component where tenant_id = $1 and package_id = p.package_id offset 0) as c
union
select f.artifact_id, f.package_id, false
from unnest($2::text[]) as k (vuln)
cross join lateral (
  select artifact_id, package_id from vex.open_findings where tenant_id = $1 and vuln_id = k.vuln
  union all
  select artifact_id, package_id from vex.suppressed_findings where tenant_id = $1 and vuln_id = k.vuln
  offset 0) as f
on conflict do nothing
