    cross join lateral (
      select f.* from (
-- include finding_rows
      ) as f
      where f.vuln_id = d.vuln_id and
-- include finding_bounds
      and
-- include finding_filters
      and
-- include finding_after
      offset 0
    ) as f
    where not $23 or (d.value, f.vuln_id, f.artifact_purl, f.package_purl) < ($26, $28, $29, $30 collate "C")
    order by d.value desc, d.vuln_id desc, f.artifact_purl desc, f.package_purl desc
    limit least($20, $21::bigint)
