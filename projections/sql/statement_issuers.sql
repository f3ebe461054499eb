-- Whose statements speak, and whether they are out of force for that, as projected.
select id, vuln_id, issuer, source, outcome = 'untrusted_issuer' from vex.vex_statement where tenant_id = $1 and outcome <> 'ended'
