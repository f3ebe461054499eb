(select e.score from vex.epss e where e.tenant_id = any (array[$1, core.shared_tenant()]) and e.vuln_id = f.vuln_id order by e.tenant_id = $1 desc limit 1)
