-- Statements about these vulnerabilities that may concern these products: by name, by the
-- SBOM that they are part of, or by a link to another SBOM.
select id, vuln_id, status, justification, impact, issuer, statement_time, product, product_purl, product_key, subcomponent, subcomponent_key,
       artifact_id, bom_serial, bom_ref, version_range, source, content_hash
from vex.vex_statement
where tenant_id = $1 and vuln_id = any ($2)
  and (product_key = any ($3) or artifact_id = any ($4) or bom_serial <> '')
