-- What decides whether the documents $2 speak: of a VEX document all versions of its series, of
-- an SBOM whether it is the current one of its stream, and when it was said last. With the
-- content hash of each, and whether its statements are in force as projected (all of a document's are
-- or none is, so the first one tells).
with asked as materialized (
  select v.id, v.series from unnest($2::uuid[]) as k (id)
  cross join lateral (select id, series from vex.vex_document where tenant_id = $1 and id = k.id offset 0) as v
), versions as (
  select v.id, v.series, v.version_rank, v.document_time, v.content_hash, false as embedded, false as current, null::timestamptz as said
  from (select distinct series from asked where series <> '') as k
  cross join lateral (select * from vex.vex_document where tenant_id = $1 and series = k.series and series <> '' offset 0) as v
  union all
  select v.id, '', '', v.document_time, v.content_hash, false, false, null
  from asked k
  cross join lateral (select * from vex.vex_document where tenant_id = $1 and id = k.id offset 0) as v
  where k.series = ''
  union all
  select d.document_id, '', '', d.document_time, d.content_hash, true, s.found, s.document_time
  from (
    select id from unnest($2::uuid[]) as k (id)
    where exists (select from vex.vex_statement where tenant_id = $1 and document_id = k.id and ordinal = 0 and embedded offset 0)) as k
  cross join lateral (select content_hash from ingest.original where tenant_id = $1 and document_id = k.id offset 0) as o
  cross join lateral (select * from ingest.sbom_document where tenant_id = $1 and content_hash = o.content_hash offset 0) as d
  left join lateral (
    select document_time, true as found from artifact.stream
    where tenant_id = $1 and artifact_id = d.artifact_id and stream = d.stream and document_id = d.id offset 0) as s on true
)
select v.id, v.series, v.version_rank, v.document_time, v.content_hash, v.embedded, coalesce(v.current, false), v.said, f.outcome
from versions v
left join lateral (
  select outcome from vex.vex_statement where tenant_id = $1 and document_id = v.id and ordinal = 0 offset 0) as f on true
