select distinct n from vex.vuln_fact f, unnest(f.names || f.external_id) as n
where f.tenant_id = $1 and f.external_id = any ($2)
