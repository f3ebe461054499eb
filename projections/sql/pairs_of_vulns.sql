-- Where these vulnerabilities are, or were, found.
insert into p_pair (artifact_id, package_id, whole)
select c.artifact_id, c.package_id, false
from vex.package_vuln v join ingest.sbom_component c on c.tenant_id = v.tenant_id and c.package_id = v.package_id
where v.tenant_id = $1 and v.vuln_id = any ($2)
union
select artifact_id, package_id, false from vex.open_findings where tenant_id = $1 and vuln_id = any ($2)
union
select artifact_id, package_id, false from vex.suppressed_findings where tenant_id = $1 and vuln_id = any ($2)
on conflict do nothing
