-- Which facts cover these packages: $2 by all of their vulnerabilities, $3 by $4 only.
select package_id, vuln_id, fact_id, advisory, source, matched_by, match_range, fixed_versions, score, severity
from vex.package_vuln where tenant_id = $1 and (package_id = any ($2) or (package_id = any ($3) and vuln_id = any ($4)))
order by package_id, vuln_id, advisory, fact_id
