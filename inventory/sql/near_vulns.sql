-- Ids of vulnerabilities that somebody may have meant: those of what is found here, and all known ones
-- that begin like $2. Only a mistake is worth reading them all.
select vuln_id from (select distinct vuln_id from vex.package_vuln where tenant_id = $1) as v
union
select external_id from vex.vuln_fact where tenant_id = any (array[$1::uuid, core.shared_tenant()]) and starts_with(external_id, $2)
union
select vuln_id from vex.vuln_alias where tenant_id = any (array[$1::uuid, core.shared_tenant()]) and starts_with(vuln_id, $2)
limit 500000
