-- The issuers, by format, whose statements about the vulnerability with the ids $2 were not trusted when they were projected last.
select distinct issuer, source from vex.vex_statement
where tenant_id = $1 and vuln_id = any ($2::text[]) and outcome = 'untrusted_issuer'
