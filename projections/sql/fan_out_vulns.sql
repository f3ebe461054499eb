-- The vulnerabilities of changed shared facts that this tenant has findings or names for.
select v from unnest($2::text[]) as v
where exists (select from vex.package_vuln p where p.tenant_id = $1 and p.vuln_id = v)
   or exists (select from vex.vuln_alias a where a.tenant_id = $1 and a.vuln_id = v)
   or exists (select from vex.vex_statement s where s.tenant_id = $1 and s.vuln_id = v)
