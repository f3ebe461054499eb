-- Decisions and statements of tenant $1 on vulnerability $2, by any of its current ids ('' is
-- any), with outcome $3 ('' is any). A decision applies, for it beats every statement, unless it was withdrawn.
with ids as (
  select $2::text as v
  union
  select alias from vex.vuln_alias where tenant_id = any (array[$1::uuid, core.shared_tenant()]) and vuln_id = $2 and is_current
)
select 'decision' as kind, d.id::text as id, d.vuln_id, coalesce(d.status, '') as status, coalesce(d.rationale, '') as justification,
  coalesce(p.purl, d.package_id::text) as product, '' as subcomponent, '' as issuer, 'decision' as source, d.decided_at as stated_at,
  case when d.status is null then 'withdrawn' else 'applied' end as outcome, '' as document_id
from vex.vex_decision d left join vex.package p on p.tenant_id = d.tenant_id and p.id = d.package_id
where d.tenant_id = $1 and ($2 = '' or d.vuln_id in (select v from ids)) and $3 in ('', case when d.status is null then 'withdrawn' else 'applied' end)
union all
select 'statement', s.id::text, s.vuln_id, s.status, s.justification, s.product, s.subcomponent, s.issuer, s.source, s.statement_time,
  s.outcome, s.document_id::text
from vex.vex_statement s
where s.tenant_id = $1 and ($2 = '' or s.vuln_id in (select v from ids)) and ($3 = '' or s.outcome = $3)
order by vuln_id, kind, product, subcomponent, stated_at desc nulls last, id
