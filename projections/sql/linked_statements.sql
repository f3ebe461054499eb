-- Statements that link to an SBOM of these streams by its serial number, or by that of one
-- that said the same (an alias).
select s.id, s.vuln_id
from unnest($2::uuid[], $3::text[]) as k (artifact, stream)
cross join lateral (
  select bom_serial from ingest.sbom_document
  where tenant_id = $1 and artifact_id = k.artifact and stream = k.stream and bom_serial is not null
  union
  select bom_serial from (
    select bom_serial from ingest.document_alias where tenant_id = $1 and artifact_id = k.artifact and stream = k.stream offset 0) as a
  where bom_serial is not null) as d
cross join lateral (select id, vuln_id from vex.vex_statement where tenant_id = $1 and bom_serial = d.bom_serial and bom_serial <> '' offset 0) as s
