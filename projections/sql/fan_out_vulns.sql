-- The vulnerabilities of changed shared groups ($2) that this tenant has found, or has aliases
-- for: its own aliases may lead from them to others that it has found.
select v from unnest($2::text[]) as v
where exists (select from vex.package_vuln p where p.tenant_id = $1 and p.vuln_id = v offset 0)
   or exists (select from vex.vuln_alias a where a.tenant_id = $1 and a.vuln_id = v offset 0)
