-- Which of the documents $2 nobody needs: $3 and $4 are kinds and cut-offs, as in expired.
--
-- An SBOM is needed while it is current as projected or by what is stored, while its stream was
-- not projected, while it was said again since the cut-off (an alias of it is younger),
-- while a statement links to it by its serial number. Of two SBOMs the newer one is current whatever
-- became of the older one, so deleting an older one changes no choice.
-- A version of a document is needed while an older one is stored: without it that one would speak
-- again. The next time the older one is gone.
-- A statement is needed unless it is about nothing that is there: one that decides a finding,
-- or lost one and is named by it, stays. So does the document that it is in, and one that says which
-- names mean the same vulnerability.
-- A version of a vulnerability record is needed unless a newer one of the tenant replaced it and the
-- projection knows: nothing matches by it. Of a feed that comes whole the newest document is needed.
-- What a decision names, by id or content hash, stays. Where jobs wait the projection is not
-- at its end, and what depends on it stays; a decision that ends later is none that waits.
with o as materialized (
  select o.document_id, o.content_hash, o.kind, o.size, k.cutoff
  from unnest($2::uuid[]) as i (id)
  join ingest.original o on o.tenant_id = $1 and o.document_id = i.id
  join unnest($3::text[], $4::timestamptz[]) as k (kind, cutoff) on k.kind = o.kind
  where o.received_at < k.cutoff
), busy as materialized (
  -- Spelled out because the indexes are partial by it.
  select exists (select from core.job_queue where tenant_id = $1 and locked_at is null and not (kind = 'expiry' and attempts = 0 and run_after > now()))
      or exists (select from core.job_queue where tenant_id = $1 and locked_at is not null) as yes
), f as materialized (
  -- Once for all: there is no index of facts by document.
  select id, content_hash, source, external_id, names from vex.vuln_fact
  where tenant_id = $1 and content_hash in (select content_hash from o where kind = 'vuln')
), named as materialized (
  select distinct lower(m[1]) as name
  from (
    select proof_ref, rationale, impact, action, ticket from vex.vex_decision where tenant_id = $1
    union all
    select proof_ref, rationale, impact, action, ticket from vex.artifact_decision where tenant_id = $1
  ) as d
  cross join lateral regexp_matches(concat_ws(' ', d.proof_ref, d.rationale, d.impact, d.action, d.ticket),
    '([0-9a-f]{64}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})', 'gi') as m
)
select o.document_id, o.content_hash, o.kind, o.size, d.id as sbom_id
from o
cross join busy
left join ingest.sbom_document d on d.tenant_id = $1 and d.content_hash = o.content_hash
where encode(o.content_hash, 'hex') not in (select name from named)
  and o.document_id::text not in (select name from named)
  and not exists (select from vex.vuln_alias a where a.tenant_id = $1 and a.fact_id = o.document_id)
  and not exists (
    select from vex.vex_statement s
    where s.tenant_id = $1 and s.document_id = o.document_id
      and (busy.yes or s.outcome not in ('no_such_product', 'no_such_vulnerability', 'unreadable_product', 'ended')))
  and case o.kind
    when 'sbom' then
      d.id is not null
      and exists (select from artifact.stream s where s.tenant_id = $1 and s.artifact_id = d.artifact_id and s.stream = d.stream and s.document_id <> d.id)
      and d.id is distinct from (
        select b.id from ingest.sbom_document b
        where b.tenant_id = $1 and b.artifact_id = d.artifact_id and b.stream = d.stream
        order by b.document_time desc nulls last, b.content_hash desc limit 1)
      and d.document_id is distinct from (
        select a.document_id from ingest.document_alias a
        where a.tenant_id = $1 and a.artifact_id = d.artifact_id and a.stream = d.stream
        order by a.document_time desc nulls last, a.content_hash desc limit 1)
      and not exists (
        select from ingest.document_alias a
        where a.tenant_id = $1 and a.artifact_id = d.artifact_id and a.stream = d.stream and a.document_id = d.document_id and a.created_at >= o.cutoff)
      and not exists (
        select from ingest.sbom_document n
        where n.tenant_id = $1 and n.bom_serial = d.bom_serial and n.artifact_id = d.artifact_id and n.stream = d.stream and n.version_rank < d.version_rank)
      and not exists (
        select from ingest.document_alias n
        where n.tenant_id = $1 and n.bom_serial = d.bom_serial and n.artifact_id = d.artifact_id and n.stream = d.stream and n.version_rank < d.version_rank)
      and (d.bom_serial is null or not exists (
        select from vex.vex_statement s where s.tenant_id = $1 and s.bom_serial = d.bom_serial and s.bom_serial <> ''))
    when 'vex' then
      not exists (
        select from vex.vex_document d
        join vex.vex_document n on n.tenant_id = $1 and n.series = d.series and d.series <> ''
          and (n.version_rank, coalesce(n.document_time, '-infinity'), n.content_hash) < (d.version_rank, coalesce(d.document_time, '-infinity'), d.content_hash)
        where d.tenant_id = $1 and d.id = o.document_id)
    when 'vuln' then
      not busy.yes
      and not exists (select from vex.feed w where w.tenant_id = $1 and w.document_id = o.document_id)
      and not exists (
        select from f
        where f.content_hash = o.content_hash
          and (f.external_id is null
            or f.id = (
              select n.id from vex.vuln_fact n
              where n.tenant_id = $1 and n.external_id = f.external_id and n.source = f.source
              order by n.modified desc nulls last, n.content_hash desc, n.id limit 1)
            or exists (select from vex.vuln_affected a where a.tenant_id = $1 and a.fact_id = f.id and a.is_current)
            or exists (select from vex.vuln_alias a where a.tenant_id = $1 and a.fact_id = f.id and a.is_current)
            or exists (select from vex.package_vuln v where v.tenant_id = $1 and v.vuln_id = any (f.names) and v.fact_id = f.id)))
    else false
  end
