-- Statements that link to an SBOM of these streams by its serial number.
select s.id, s.vuln_id
from unnest($2::uuid[], $3::text[]) as k (artifact_id, stream)
join ingest.sbom_document d on d.tenant_id = $1 and d.artifact_id = k.artifact_id and d.stream = k.stream and d.bom_serial is not null
join vex.vex_statement s on s.tenant_id = $1 and s.bom_serial = d.bom_serial and s.bom_serial <> ''
