select package_id, vuln_id, fact_id, advisory, source, matched_by, match_range, fixed_versions, score, severity
from vex.package_vuln where tenant_id = $1 and package_id = any ($2)
order by package_id, vuln_id, advisory, fact_id
