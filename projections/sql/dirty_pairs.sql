-- The pairs that have, or may get, a finding; most packages have no vulnerability at all.
select p.artifact_id, p.package_id from p_pair p
where exists (select from vex.package_vuln v where v.tenant_id = $1 and v.package_id = p.package_id)
   or exists (select from vex.open_findings f where f.tenant_id = $1 and f.artifact_id = p.artifact_id and f.package_id = p.package_id)
   or exists (select from vex.suppressed_findings f where f.tenant_id = $1 and f.artifact_id = p.artifact_id and f.package_id = p.package_id)
order by 1, 2
