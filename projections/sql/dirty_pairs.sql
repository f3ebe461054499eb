-- The pairs that have, or may get, a finding; most packages have no vulnerability at all.
-- `whole` pairs are looked at whole, the others at the vulnerabilities $2 only. The weight is
-- about how many findings that makes.
select p.artifact_id, p.package_id, p.whole, coalesce(case when p.whole then v.every else v.touched end, 0)::int as weight
from p_pair p
left join (
  select package_id, count(*) as every, count(*) filter (where vuln_id = any ($2)) as touched
  from vex.package_vuln where tenant_id = $1 and package_id in (select package_id from p_pair)
  group by package_id
) v on v.package_id = p.package_id
where v.package_id is not null
   or exists (select from vex.open_findings f where f.tenant_id = $1 and f.artifact_id = p.artifact_id and f.package_id = p.package_id)
   or exists (select from vex.suppressed_findings f where f.tenant_id = $1 and f.artifact_id = p.artifact_id and f.package_id = p.package_id)
order by 1, 2
