-- Once per package and fact, not once per SBOM; rows that would stay the same are not written.
insert into vex.package_vuln (tenant_id, package_id, vuln_id, fact_id, advisory, source, matched_by, match_range, fixed_versions, score, severity)
select $1, package_id, vuln_id, fact_id, advisory, source, matched_by, match_range, fixed_versions, score, severity
from p_package_vuln order by package_id, vuln_id, fact_id
on conflict (tenant_id, package_id, vuln_id, fact_id) do update set
  advisory = excluded.advisory, source = excluded.source, matched_by = excluded.matched_by, match_range = excluded.match_range,
  fixed_versions = excluded.fixed_versions, score = excluded.score, severity = excluded.severity
