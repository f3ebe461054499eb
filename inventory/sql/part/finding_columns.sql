f.tenant_id, f.artifact_id, f.artifact_purl, f.package_id, f.package_purl collate "C" as package_purl, f.vuln_id, f.score, f.severity, f.aliases, f.advisories,
f.fixed_versions, f.vex, f.evidence, f.first_seen, coalesce(f.score, (-1)::smallint) as points,
-- include finding_grade
as grade
