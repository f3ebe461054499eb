-- Decisions and statements of tenant $1 on vulnerability $2, by any of its current ids ('' is
-- any), with outcome $3 ('' is any), on package $4 ('' is any: of a statement its product or
-- subcomponent), of the kind $5 ('' is any). A decision applies, for it beats every statement, unless it was withdrawn or has
-- expired. newer_statements counts those that say something else and are younger than the decision.
with ids as (
  select $2::text as v
  union
  select alias from vex.vuln_alias where tenant_id = any (array[$1::uuid, core.shared_tenant()]) and vuln_id = $2 and is_current
), decided as (
  select d.id, d.vuln_id, d.status, d.justification, d.rationale, d.impact, d.action, d.ticket, d.proof_ref, d.expires_at, d.revision, d.decided_by, d.decided_at,
    coalesce(p.purl, nullif(d.package_purl, ''), d.package_id::text) as product, '' as subcomponent, coalesce(p.purl, d.package_purl) as package, d.package_id, null::uuid as artifact_id
  from vex.vex_decision d left join vex.package p on p.tenant_id = d.tenant_id and p.id = d.package_id
  where d.tenant_id = $1 and $5 <> 'statement' and ($2 = '' or d.vuln_id in (select v from ids))
  union all
  select id, vuln_id, status, justification, rationale, impact, action, ticket, proof_ref, expires_at, revision, decided_by, decided_at,
    artifact_purl, package_purl, package_purl, package_id, artifact_id
  from vex.artifact_decision
  where tenant_id = $1 and $5 <> 'statement' and ($2 = '' or vuln_id in (select v from ids))
), judged as (
  select d.*, case when status is null then 'withdrawn' when expires_at <= statement_timestamp() then 'expired' else 'applied' end as outcome from decided d
)
select 'decision' as kind, d.id::text as id, d.vuln_id, coalesce(d.status, '') as status, coalesce(nullif(d.justification, ''), d.rationale, '') as justification,
  d.product, d.subcomponent, coalesce(u.subject, d.decided_by::text, '') as issuer, 'decision' as source, d.decided_at as stated_at,
  d.outcome, '' as document_id, d.impact, d.action, coalesce(d.rationale, '') as rationale, coalesce(d.proof_ref, '') as proof, d.ticket, d.expires_at as until, d.revision,
  case when d.outcome <> 'applied' then 0 else (
    select count(distinct s.id) from (
      select vex from vex.suppressed_findings f where f.tenant_id = $1 and f.package_id = d.package_id and (d.artifact_id is null or f.artifact_id = d.artifact_id) and f.decision_id = d.id
      union all
      select vex from vex.open_findings f where f.tenant_id = $1 and f.package_id = d.package_id and (d.artifact_id is null or f.artifact_id = d.artifact_id) and f.vex ->> 'decision_id' = d.id::text
    ) as f
    cross join lateral jsonb_array_elements_text(case when jsonb_typeof(f.vex -> 'superseded') = 'array' then f.vex -> 'superseded' else '[]' end) as x (id)
    join vex.vex_statement s on s.tenant_id = $1 and s.id = x.id::uuid
    where s.status <> d.status and s.statement_time > d.decided_at) end::int as newer_statements
from judged d left join authority."user" u on u.tenant_id = $1 and u.id = d.decided_by
where $3 in ('', d.outcome) and $4 in ('', d.package)
union all
select 'statement', s.id::text, s.vuln_id, s.status, s.justification, s.product, s.subcomponent, s.issuer, s.source, s.statement_time,
  s.outcome, s.document_id::text, s.impact, s.action, '', '', '', null, 0, 0
from vex.vex_statement s
where s.tenant_id = $1 and $5 <> 'decision' and ($2 = '' or s.vuln_id in (select v from ids)) and ($3 = '' or s.outcome = $3)
  and ($4 = '' or $4 in (s.product_purl, s.subcomponent))
order by vuln_id, kind, product, subcomponent, stated_at desc nulls last, id
