select 'open', artifact_purl, package_id, vuln_id, artifact_id, package_purl, score, severity, aliases, advisories, fixed_versions, vex, evidence,
       null::uuid, null::uuid, first_seen
from vex.open_findings f
where tenant_id = $1 and (artifact_id, package_id) in (select * from unnest($2::uuid[], $3::uuid[]))
union all
select 'suppressed', artifact_purl, package_id, vuln_id, artifact_id, package_purl, score, severity, aliases, advisories, fixed_versions, vex, evidence,
       statement_id, decision_id, first_seen
from vex.suppressed_findings f
where tenant_id = $1 and (artifact_id, package_id) in (select * from unnest($2::uuid[], $3::uuid[]))
