-- Ids of vulnerabilities that somebody may have meant: those of what is found here, and of records that
-- begin like $2. Only a mistake is worth reading them all.
select vuln_id from (select distinct vuln_id from vex.package_vuln where tenant_id = $1) as v
union
select external_id from vex.vuln_fact where tenant_id = any (array[$1::uuid, core.shared_tenant()]) and starts_with(external_id, $2)
limit 200000
