-- Which document is current in each stream ($2, $3). Of the versions of one serial number only
-- the highest counts, whatever its time; of what is left the newest by document time, then by
-- content hash, never by arrival. A document that said the same later (an alias) counts with
-- its own serial number, version, time and hash for the one that it repeats. Only streams whose
-- current document changed come out as p_stream; where it was only said again, that is noted.
-- Returned are both, the latter with `moved` false: what the document says has another time.
with best as materialized (
  select k.artifact_id, k.stream, c.id, c.document_time, c.content_hash, c.component_count, c.artifact_purl, c.document_id, c.scan_run_id, c.stored_at
  from unnest($2::uuid[], $3::text[]) as k (artifact_id, stream)
  cross join lateral (
    select * from (
      (select d.id, d.document_time, d.content_hash, d.component_count, d.artifact_purl, d.document_id, d.scan_run_id, d.created_at as stored_at
       from ingest.sbom_document d
       where d.tenant_id = $1 and d.artifact_id = k.artifact_id and d.stream = k.stream
         and not exists (
           select from ingest.sbom_document n
           where n.tenant_id = $1 and n.bom_serial = d.bom_serial and n.artifact_id = d.artifact_id and n.stream = d.stream
             and (n.version_rank, coalesce(n.document_time, '-infinity'), n.content_hash) > (d.version_rank, coalesce(d.document_time, '-infinity'), d.content_hash) offset 0)
         and not exists (
           select from ingest.document_alias n
           where n.tenant_id = $1 and n.bom_serial = d.bom_serial and n.artifact_id = d.artifact_id and n.stream = d.stream
             and (n.version_rank, coalesce(n.document_time, '-infinity'), n.content_hash) > (d.version_rank, coalesce(d.document_time, '-infinity'), d.content_hash) offset 0)
       order by d.document_time desc nulls last, d.content_hash desc limit 1)
      union all
      (select d.id, a.document_time, a.content_hash, d.component_count, d.artifact_purl, d.document_id, a.scan_run_id, a.created_at
       from ingest.document_alias a join ingest.sbom_document d
         on d.tenant_id = a.tenant_id and d.artifact_id = a.artifact_id and d.stream = a.stream and d.document_id = a.document_id
       where a.tenant_id = $1 and a.artifact_id = k.artifact_id and a.stream = k.stream
         and not exists (
           select from ingest.sbom_document n
           where n.tenant_id = $1 and n.bom_serial = a.bom_serial and n.artifact_id = a.artifact_id and n.stream = a.stream
             and (n.version_rank, coalesce(n.document_time, '-infinity'), n.content_hash) > (a.version_rank, coalesce(a.document_time, '-infinity'), a.content_hash) offset 0)
         and not exists (
           select from ingest.document_alias n
           where n.tenant_id = $1 and n.bom_serial = a.bom_serial and n.artifact_id = a.artifact_id and n.stream = a.stream
             and (n.version_rank, coalesce(n.document_time, '-infinity'), n.content_hash) > (a.version_rank, coalesce(a.document_time, '-infinity'), a.content_hash) offset 0)
       order by a.document_time desc nulls last, a.content_hash desc limit 1)
    ) as candidates
    order by document_time desc nulls last, content_hash desc limit 1
  ) as c
), kept as materialized (
  select s.at, b.document_time, b.content_hash, b.artifact_id, b.stream from best b
  cross join lateral (
    select ctid as at from artifact.stream
    where tenant_id = $1 and artifact_id = b.artifact_id and stream = b.stream and document_id = b.id
      and (document_time, content_hash) is distinct from (b.document_time, b.content_hash)
    offset 0) as s
), seen as (
  update artifact.stream s set document_time = k.document_time, content_hash = k.content_hash, projected_at = now()
  from kept k where s.tenant_id = $1 and s.ctid = k.at
), moved as (
  insert into p_stream (artifact_id, stream, document_id, document_time, content_hash, component_count, artifact_purl, document, previous, scan_run_id, stored_at)
  select b.artifact_id, b.stream, b.id, b.document_time, b.content_hash, b.component_count, b.artifact_purl, b.document_id, p.document_id,
         coalesce(b.scan_run_id, 0), b.stored_at
  from best b
  left join lateral (
    select document_id from artifact.stream where tenant_id = $1 and artifact_id = b.artifact_id and stream = b.stream offset 0) as s on true
  left join lateral (select document_id from ingest.sbom_document where tenant_id = $1 and id = s.document_id offset 0) as p on true
  where s.document_id is distinct from b.id
  returning artifact_id, stream, artifact_purl, document, previous, scan_run_id, component_count, stored_at
)
select artifact_id, stream, artifact_purl, document, previous, scan_run_id, component_count, stored_at, true from moved
union all
select b.artifact_id, b.stream, b.artifact_purl, b.document_id, null, coalesce(b.scan_run_id, 0), b.component_count, b.stored_at, false
from best b join kept k on k.artifact_id = b.artifact_id and k.stream = b.stream
