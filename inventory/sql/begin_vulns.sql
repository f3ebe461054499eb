-- Vulnerabilities with open findings that begin like $2, for a shell to complete: from one name to the next by the
-- index, since one of them may have a hundred thousand findings.
with recursive names as (
  (select vuln_id, 1 as n from vex.open_findings where tenant_id = $1 and vuln_id >= $2 order by vuln_id limit 1)
  union all
  select next.vuln_id, names.n + 1
  from names, lateral (select vuln_id from vex.open_findings where tenant_id = $1 and vuln_id > names.vuln_id order by vuln_id limit 1) as next
  where names.n < $3 and starts_with(next.vuln_id, $2)
)
select vuln_id from names where starts_with(vuln_id, $2)
