  select f.artifact_id, f.artifact_purl, f.package_id, f.package_purl, f.vuln_id, f.aliases, f.advisories, f.score, f.fixed_versions, f.first_seen,
-- include grade
    as grade,
-- include kev
    as kev,
-- include epss
    as epss,
