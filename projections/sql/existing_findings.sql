-- The findings of the pairs $2, $3: all of them where $4, else those that the names $5 have
-- to do with, by the name that they have now or by an alias.
select 'open', artifact_purl, package_id, vuln_id, artifact_id, package_purl, score, severity, aliases, advisories, fixed_versions, vex, evidence,
       null::uuid, null::uuid, first_seen
from unnest($2::uuid[], $3::uuid[], $4::bool[]) as k (artifact, package, whole)
join vex.open_findings f on f.tenant_id = $1 and f.artifact_id = k.artifact and f.package_id = k.package
where k.whole or f.vuln_id = any ($5) or exists (select from unnest(f.aliases) as a where a = any ($5))
union all
select 'suppressed', artifact_purl, package_id, vuln_id, artifact_id, package_purl, score, severity, aliases, advisories, fixed_versions, vex, evidence,
       statement_id, decision_id, first_seen
from unnest($2::uuid[], $3::uuid[], $4::bool[]) as k (artifact, package, whole)
join vex.suppressed_findings f on f.tenant_id = $1 and f.artifact_id = k.artifact and f.package_id = k.package
where k.whole or f.vuln_id = any ($5) or exists (select from unnest(f.aliases) as a where a = any ($5))
