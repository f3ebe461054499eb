-- All versions of these records ($2) of these tenants ($1).
select id from vex.vuln_fact where tenant_id = any ($1) and external_id = any ($2)
