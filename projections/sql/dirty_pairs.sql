-- The pairs that have, or may get, a finding; most packages have no vulnerability at all.
-- `whole` pairs are looked at whole, the others at the vulnerabilities $2 only. The weight is
-- about how many findings that makes.
with v as materialized (
  select d.package_id, n.every, n.touched
  from (select distinct package_id from p_pair) as d
  cross join lateral (
    select count(*) as every, count(*) filter (where vuln_id in (select unnest($2::text[]))) as touched
    from vex.package_vuln where tenant_id = $1 and package_id = d.package_id) as n
)
select p.artifact_id, p.package_id, p.whole, case when p.whole then v.every else v.touched end::int as weight
from p_pair p join v on v.package_id = p.package_id
where v.every > 0
   or exists (select from vex.open_findings f where f.tenant_id = $1 and f.artifact_id = p.artifact_id and f.package_id = p.package_id offset 0)
   or exists (select from vex.suppressed_findings f where f.tenant_id = $1 and f.artifact_id = p.artifact_id and f.package_id = p.package_id offset 0)
order by 1, 2
