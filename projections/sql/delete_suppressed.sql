-- Findings that are suppressed no more; their history is written apart.
delete from vex.suppressed_findings
where tenant_id = $1 and ctid = any (array(
  select f.ctid from unnest($2::uuid[], $3::uuid[], $4::text[]) as k (artifact, package, vuln)
  cross join lateral (select ctid from vex.suppressed_findings where tenant_id = $1 and artifact_id = k.artifact and package_id = k.package and vuln_id = k.vuln offset 0) as f))
