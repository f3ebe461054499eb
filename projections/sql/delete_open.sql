delete from vex.open_findings f
using unnest($2::uuid[], $3::uuid[], $4::text[]) as k (artifact_id, package_id, vuln_id)
where f.tenant_id = $1 and f.artifact_id = k.artifact_id and f.package_id = k.package_id and f.vuln_id = k.vuln_id
