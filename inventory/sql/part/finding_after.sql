case when not $23::bool then true
  when $22 = 'severity' then (f.grade, f.points, f.vuln_id, f.artifact_purl, f.package_purl) < ($24::int, $25::smallint, $28::text, $29::text, $30::text collate "C")
  when $22 = 'score' then (f.points, f.vuln_id, f.artifact_purl, f.package_purl) < ($25, $28, $29, $30 collate "C")
  when $22 = 'first_seen' then (f.first_seen, f.grade, f.points, f.vuln_id, f.artifact_purl, f.package_purl) < ($27::timestamptz, $24, $25, $28, $29, $30 collate "C")
  when $22 = 'package' then (f.package_purl, f.vuln_id, f.artifact_purl) > ($30 collate "C", $28, $29)
  when $22 = 'artifact' then (f.artifact_purl, f.package_purl, f.vuln_id) > ($29, $30 collate "C", $28)
  when $22 = 'vuln' then (f.vuln_id, f.artifact_purl, f.package_purl) > ($28, $29, $30 collate "C")
  else true end
