select id, vuln_id, product_key, artifact_id, bom_serial, outcome from vex.vex_statement where tenant_id = $1 and id = any ($2)
