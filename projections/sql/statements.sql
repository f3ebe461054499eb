-- Statements in force about these vulnerabilities that may concern these products: by name, by
-- the SBOM that they are part of, or by a link to another SBOM.
select s.id, s.document_id, s.pointer, s.vuln_id, s.status, s.justification, s.impact, s.issuer, s.statement_time, s.product, s.product_purl, s.subcomponent, s.subcomponent_key,
       s.artifact_id, s.bom_serial, s.bom_ref, s.version_range, s.source, s.content_hash, s.embedded, s.product_range
from unnest($2::text[]) as k (vuln)
cross join lateral (select * from vex.vex_statement where tenant_id = $1 and vuln_id = k.vuln and outcome <> 'ended' offset 0) as s
where s.product_key in (select unnest($3::text[])) or s.artifact_id in (select unnest($4::uuid[])) or s.bom_serial <> ''
