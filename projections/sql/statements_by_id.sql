-- Statements whose outcome may be another one now.
select s.id, s.document_id, s.vuln_id, s.product_key, s.artifact_id, s.bom_serial, s.unreadable <> '', s.issuer, s.source, s.outcome
from unnest($2::uuid[]) as k (id)
cross join lateral (select * from vex.vex_statement where tenant_id = $1 and id = k.id offset 0) as s
