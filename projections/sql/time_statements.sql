-- SBOMs ($2) were said last at these times ($3): so were those of their statements that have no
-- time of their own.
update vex.vex_statement s set statement_time = k.said
from unnest($2::uuid[], $3::timestamptz[]) as k (document, said)
where s.tenant_id = $1 and s.document_id = k.document and s.embedded and not s.own_time and s.statement_time is distinct from k.said
returning s.id, s.vuln_id
