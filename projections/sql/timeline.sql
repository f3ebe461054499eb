-- Which document speaks for each stream ($2, $3) from when on, and where that is another one
-- than before: p_region gets the document, null where now none does, and the spans of time.
-- Of documents of one time the greatest content hash speaks; one without a time was there from
-- the beginning; one that was said again speaks from then on again. Of one serial number a version
-- says nothing from when on a higher one speaks, so what speaks last is what current_documents
-- finds. A document that was deleted keeps its place: retention changes no history.
with k as materialized (
  select distinct artifact_id, stream from unnest($2::uuid[], $3::text[]) as k (artifact_id, stream)
), stored as materialized (
  select k.artifact_id, k.stream, d.*
  from k cross join lateral (
    select id, document_id as document, document_time, content_hash, bom_serial, version_rank from ingest.sbom_document
    where tenant_id = $1 and artifact_id = k.artifact_id and stream = k.stream offset 0) as d
), old as materialized (
  select k.artifact_id, k.stream, t.at, t.document_id, t.span
  from k cross join lateral (
    select at, document_id, tstzrange(at, lead(at) over (order by at)) as span from unknowns.timeline
    where tenant_id = $1 and artifact_id = k.artifact_id and stream = k.stream offset 0) as t
), versions as (
  select artifact_id, stream, coalesce(document_time, 'epoch') as at, content_hash as tie, id, bom_serial, version_rank from stored
  union all
  select k.artifact_id, k.stream, coalesce(a.document_time, 'epoch'), a.content_hash, s.id, a.bom_serial, a.version_rank
  from k
  cross join lateral (
    select document_id as document, document_time, content_hash, bom_serial, version_rank from ingest.document_alias
    where tenant_id = $1 and artifact_id = k.artifact_id and stream = k.stream offset 0) as a
  join stored s on s.artifact_id = k.artifact_id and s.stream = k.stream and s.document = a.document
), said as (
  select artifact_id, stream, at, tie, id
  from (select *, max(version_rank) over (partition by artifact_id, stream, bom_serial order by at) as highest from versions) as v
  where bom_serial is null or version_rank = highest
  union all
  select artifact_id, stream, at, '', document_id from old
  where not exists (select from ingest.sbom_document d where d.tenant_id = $1 and d.id = old.document_id offset 0)
), at_once as (
  select distinct on (artifact_id, stream, at) artifact_id, stream, at, id
  from said order by artifact_id, stream, at, tie desc
), changes as (
  select *, lag(id) over (partition by artifact_id, stream order by at) as before from at_once
), new as materialized (
  select artifact_id, stream, at, id, tstzrange(at, lead(at) over (partition by artifact_id, stream order by at)) as span
  from changes where before is distinct from id
), deleted as (
  delete from unknowns.timeline t using old o
  where t.tenant_id = $1 and t.artifact_id = o.artifact_id and t.stream = o.stream and t.at = o.at
    and not exists (select from new n where n.artifact_id = o.artifact_id and n.stream = o.stream and n.at = o.at)
), kept as (
  insert into unknowns.timeline (tenant_id, artifact_id, stream, at, document_id)
  select $1, n.artifact_id, n.stream, n.at, n.id from new n
  where not exists (select from old o where o.artifact_id = n.artifact_id and o.stream = n.stream and o.at = n.at and o.document_id = n.id)
  order by 2, 3, 4
  on conflict (tenant_id, artifact_id, stream, at) do update set document_id = excluded.document_id
), speaks as (
  select artifact_id, stream, id, range_agg(span) as spans from new group by 1, 2, 3
), spoke as (
  select artifact_id, stream, document_id as id, range_agg(span) as spans from old group by 1, 2, 3
), covered as (
  select artifact_id, stream, range_agg(span) as spans from new group by 1, 2
)
insert into p_region (artifact_id, stream, document_id, spans)
select artifact_id, stream, id, spans
from (
  select n.artifact_id, n.stream, n.id, n.spans - coalesce(o.spans, '{}') as spans
  from speaks n left join spoke o using (artifact_id, stream, id)
  union all
  select o.artifact_id, o.stream, null, range_agg(o.spans) - coalesce((select c.spans from covered c where c.artifact_id = o.artifact_id and c.stream = o.stream), '{}')
  from spoke o group by o.artifact_id, o.stream
) as r
where not isempty(spans)
