case when not $23 or $22 not in ('kev', 'epss') then true
  when $26::float8 is not null then f.value is null or (f.value, f.vuln_id, f.artifact_purl, f.package_purl) < ($26, $28, $29, $30 collate "C")
  else f.value is null and (f.grade, f.points, f.vuln_id, f.artifact_purl, f.package_purl) < ($24, $25, $28, $29, $30 collate "C") end
