-- The statements of these VEX documents, and what they are about.
select s.id, s.vuln_id
from unnest($2::uuid[]) as k (document)
cross join lateral (select id, vuln_id from vex.vex_statement where tenant_id = $1 and document_id = k.document offset 0) as s
