-- The vulnerabilities of changed shared groups that this tenant has found, or has aliases
-- for: its own aliases may lead from them to others that it has found.
select vuln_id from vex.package_vuln where tenant_id = $1 and vuln_id = any ($2)
union
select vuln_id from vex.vuln_alias where tenant_id = $1 and vuln_id = any ($2)
