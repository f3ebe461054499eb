-- What was on tenant $1's list at $2 and is not any more: vulnerabilities of packages that were closed or suppressed in
-- an artifact since, and that are open in none. By the partitions since then; $3 rows at most, and how many there are.
with went as materialized (
  select h.vuln_id, h.package_id, count(distinct h.artifact_id) as artifacts, max(h.at) as at,
         (array_agg(h.reason order by h.at desc))[1] as reason, bool_or(h.event = 'suppressed') as suppressed
  from vex.finding_history h
  where h.tenant_id = $1 and h.at >= $2 and h.event in ('closed', 'suppressed')
    and (h.event = 'closed' or exists (
      select from vex.finding_history o where o.tenant_id = $1 and o.artifact_id = h.artifact_id and o.package_id = h.package_id and o.vuln_id = h.vuln_id and o.at < h.at offset 0))
  group by 1, 2
), gone as (
  select w.* from went w
  where not exists (select from vex.open_findings f where f.tenant_id = $1 and f.package_id = w.package_id and f.vuln_id = w.vuln_id offset 0)
)
select g.vuln_id, p.purl as package_purl, g.artifacts, g.at, g.reason, count(*) over () as total
from gone g join vex.package p on p.tenant_id = $1 and p.id = g.package_id
order by g.at desc, g.vuln_id, p.purl limit nullif($3::bigint, 0)
