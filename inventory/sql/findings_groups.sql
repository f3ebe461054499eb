-- Findings with the parameters of findings.sql, summed by vulnerability, package or artifact ($22): the worst first, then those with the most.
select case $22 when 'package' then f.package_purl when 'artifact' then f.artifact_purl collate "C" else f.vuln_id collate "C" end as key,
  case max(f.grade) when 5 then 'critical' when 4 then 'high' when 3 then 'medium' when 2 then 'low' when 1 then 'none' else '' end as severity,
  max(f.score) as score, count(*) as findings, count(*) filter (where f.status = 'suppressed') as suppressed,
  count(*) filter (where f.grade = 5) as critical, count(*) filter (where f.grade = 4) as high,
  count(distinct f.vuln_id) as vulnerabilities, count(distinct f.package_id) as packages, count(distinct f.artifact_id) as artifacts,
  bool_or(f.fixed_versions <> '{}') as fix_available, min(f.first_seen) as first_seen
from (
-- include finding_rows
) as f
where
-- include finding_bounds
and
-- include finding_filters
group by 1
order by max(f.grade) desc, max(f.points) desc, count(*) desc, 1
limit least($20::bigint, $21::bigint)
