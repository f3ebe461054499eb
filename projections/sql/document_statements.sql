select id from vex.vex_statement where tenant_id = $1 and document_id = any ($2)
