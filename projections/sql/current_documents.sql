-- Which document is current in each stream ($2, $3): the newest by document time, then by
-- content hash, never by arrival. A document that said the same later (an alias) lends its
-- time and hash, and its scan run, to the one that it repeats. Only streams whose current
-- document changed come out; where it only got a newer time, that is noted and there is
-- nothing else to do.
with best as materialized (
  select k.artifact_id, k.stream, c.id, c.document_time, c.content_hash, c.component_count, c.artifact_purl, c.document_id, c.scan_run_id, c.stored_at
  from unnest($2::uuid[], $3::text[]) as k (artifact_id, stream)
  cross join lateral (
    select * from (
      (select d.id, d.document_time, d.content_hash, d.component_count, d.artifact_purl, d.document_id, d.scan_run_id, d.created_at as stored_at,
              d.document_time as at, d.content_hash as tie
       from ingest.sbom_document d
       where d.tenant_id = $1 and d.artifact_id = k.artifact_id and d.stream = k.stream
       order by d.document_time desc nulls last, d.content_hash desc limit 1)
      union all
      (select d.id, a.document_time, d.content_hash, d.component_count, d.artifact_purl, d.document_id, a.scan_run_id, a.created_at,
              a.document_time, a.content_hash
       from ingest.document_alias a join ingest.sbom_document d
         on d.tenant_id = a.tenant_id and d.artifact_id = a.artifact_id and d.stream = a.stream and d.document_id = a.document_id
       where a.tenant_id = $1 and a.artifact_id = k.artifact_id and a.stream = k.stream
       order by a.document_time desc nulls last, a.content_hash desc limit 1)
    ) as candidates
    order by at desc nulls last, tie desc limit 1
  ) as c
), kept as materialized (
  select s.at, b.document_time from best b
  cross join lateral (
    select ctid as at from artifact.stream
    where tenant_id = $1 and artifact_id = b.artifact_id and stream = b.stream and document_id = b.id and document_time is distinct from b.document_time
    offset 0) as s
), seen as (
  update artifact.stream s set document_time = k.document_time, projected_at = now() from kept k where s.tenant_id = $1 and s.ctid = k.at
)
insert into p_stream (artifact_id, stream, document_id, document_time, content_hash, component_count, artifact_purl, document, previous, scan_run_id, stored_at)
select b.artifact_id, b.stream, b.id, b.document_time, b.content_hash, b.component_count, b.artifact_purl, b.document_id, p.document_id,
       coalesce(b.scan_run_id, 0), b.stored_at
from best b
left join lateral (
  select document_id from artifact.stream where tenant_id = $1 and artifact_id = b.artifact_id and stream = b.stream offset 0) as s on true
left join lateral (select document_id from ingest.sbom_document where tenant_id = $1 and id = s.document_id offset 0) as p on true
where s.document_id is distinct from b.id
returning artifact_id, stream, artifact_purl, document, previous, scan_run_id, component_count, stored_at
