-- Findings, open or suppressed: of package $2 (null: any), in the artifacts $3 (null: any), of
-- vulnerability $4 ('' is any), which has the ids $5 and whose record speaks of $6 (vuln_ids.sql).
select 'open' as state, artifact_id, artifact_purl as artifact, package_id, package_purl as package, vuln_id, vex from vex.open_findings
where tenant_id = $1 and ($2::uuid is null or package_id = $2) and ($3::uuid[] is null or artifact_id = any ($3))
  and ($4 = '' or vuln_id = any ($5::text[] || $6::text[]) and $4 = any (aliases || advisories || vuln_id))
union all
select 'suppressed', artifact_id, artifact_purl, package_id, package_purl, vuln_id, vex from vex.suppressed_findings
where tenant_id = $1 and ($2::uuid is null or package_id = $2) and ($3::uuid[] is null or artifact_id = any ($3))
  and ($4 = '' or vuln_id = any ($5::text[] || $6::text[]) and $4 = any (aliases || advisories || vuln_id))
order by package, vuln_id, artifact
