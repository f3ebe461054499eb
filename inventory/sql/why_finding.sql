-- What the finding of tenant $1 in artifact $2, package $3, of vulnerability $4 says.
select score, severity, fixed_versions, first_seen from vex.open_findings where (tenant_id, artifact_id, package_id, vuln_id) = ($1, $2, $3, $4)
union all
select score, severity, fixed_versions, first_seen from vex.suppressed_findings where (tenant_id, artifact_id, package_id, vuln_id) = ($1, $2, $3, $4)
