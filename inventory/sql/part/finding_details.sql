select p.artifact_id, p.package_id, p.grade, p.points, p.value, p.status, d.*, '' as closed,
  k.listed as kev, k.date_added as kev_added, k.due_date as kev_due, coalesce(k.ransomware, false) as kev_ransomware,
  e.score as epss, e.percentile as epss_percentile, e.score_date as epss_date
from page p
cross join lateral (
  select o.artifact_purl, o.package_purl, o.vuln_id, o.aliases, o.advisories, o.score, o.severity, o.fixed_versions, o.vex, o.evidence, o.first_seen, o.last_changed
  from vex.open_findings o
  where p.status = 'open' and o.tenant_id = $1
    and (o.artifact_id, o.package_id, o.vuln_id) >= (p.artifact_id, p.package_id, p.vuln_id) and (o.artifact_id, o.package_id, o.vuln_id) <= (p.artifact_id, p.package_id, p.vuln_id)
  union all
  select s.artifact_purl, s.package_purl, s.vuln_id, s.aliases, s.advisories, s.score, s.severity, s.fixed_versions, s.vex, s.evidence, s.first_seen, s.last_changed
  from vex.suppressed_findings s
  where p.status = 'suppressed' and s.tenant_id = $1
    and (s.artifact_id, s.package_id, s.vuln_id) >= (p.artifact_id, p.package_id, p.vuln_id) and (s.artifact_id, s.package_id, s.vuln_id) <= (p.artifact_id, p.package_id, p.vuln_id)
) as d
-- include finding_exploited
order by p.ordinal
