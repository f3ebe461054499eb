-- Unknowns of the streams and spans of time in p_region, where another document speaks now:
-- what is believed there is what that document lists, whatever came first. The rows of
-- a component are the spans in which it is listed without a break; a row that is wrong stays on record
-- as what was believed until now.
with cut as materialized (
  select artifact_id, stream, range_agg(spans) as spans from p_region group by 1, 2
), clock as materialized (
  select clock_timestamp() as now -- later than all that was written under the lock of the tenant
), listed as materialized (
  select artifact_id, stream, component, kind, range_agg(spans) as spans, (array_agg(context))[1] as context
  from (
    select r.artifact_id, r.stream, p.id::text as component, p.kind, r.spans, p.context
    from p_region r
    cross join lateral (select package_ids from ingest.sbom_inventory where tenant_id = $1 and sbom_document_id = r.document_id offset 0) as i
    cross join lateral unnest(i.package_ids) as listed (id)
    cross join lateral (
      select id, unmatched_reason as kind, jsonb_build_object('name', name, 'version', version, 'purl', purl) as context
      from vex.package where tenant_id = $1 and id = listed.id and unmatched_reason <> '' offset 0) as p
    union all
    select r.artifact_id, r.stream, u ->> 'id', u ->> 'reason', r.spans, u - 'id' - 'reason' - 'pointer' - 'package'
    from p_region r
    cross join lateral (select unmatched from ingest.sbom_inventory where tenant_id = $1 and sbom_document_id = r.document_id offset 0) as i
    cross join lateral jsonb_array_elements(i.unmatched) as u
  ) as c
  group by 1, 2, 3, 4
), added as materialized (
  select l.artifact_id, l.stream, encode(sha256(convert_to(l.artifact_id || '|' || l.stream || '|' || l.component, 'UTF8')), 'hex') as subject_hash,
         l.kind, l.spans, jsonb_build_object('artifact', a.purl, 'stream', l.stream) || l.context as context
  from listed l join artifact.artifact a on a.tenant_id = $1 and a.id = l.artifact_id
), believed as materialized (
  select c.artifact_id, c.stream, k.*
  from cut c
  cross join lateral (
    select ctid as at, subject_hash, kind, context, tstzrange(valid_from, valid_to) as span from unknowns.unknown
    where tenant_id = $1 and artifact_id = c.artifact_id and stream = c.stream and sys_to is null offset 0) as k
), held as materialized (
  select artifact_id, stream, subject_hash, kind, range_agg(span) as spans, (array_agg(context))[1] as context from believed group by 1, 2, 3, 4
), wanted as materialized (
  select artifact_id, stream, subject_hash, kind, coalesce(n.context, h.context) as context,
         unnest((coalesce(h.spans, '{}') - c.spans) + coalesce(n.spans, '{}')) as span
  from held h
  full join added n using (artifact_id, stream, subject_hash, kind)
  join cut c using (artifact_id, stream)
), wrong as (
  update unknowns.unknown u
  set sys_to = greatest(clock.now, u.sys_from), valid_to = coalesce(u.valid_to, 'infinity')
  from clock, believed b
  where u.tenant_id = $1 and u.ctid = b.at
    and not exists (select from wanted w where w.subject_hash = b.subject_hash and w.kind = b.kind and w.span = b.span)
  returning 1
), closed as materialized (
  select count(*) as n from wrong -- first: of what is open there is one row
)
insert into unknowns.unknown (tenant_id, subject_hash, kind, context, valid_from, valid_to, sys_from, artifact_id, stream)
select $1, w.subject_hash, w.kind, w.context, lower(w.span), upper(w.span), clock.now, w.artifact_id, w.stream
from closed, clock, wanted w
where closed.n >= 0
  and not exists (select from believed b where b.subject_hash = w.subject_hash and b.kind = w.kind and b.span = w.span)
order by w.subject_hash
