-- Which document is current in each stream ($2, $3): the newest by document time, then by
-- content hash, never by arrival. A document that said the same later (an alias) lends its
-- time and hash to the one that it repeats. Only streams whose current document changed come
-- out; where it only got a newer time, that is noted and there is nothing else to do.
with best as materialized (
  select k.artifact_id, k.stream, c.id, c.document_time, c.content_hash, c.component_count
  from unnest($2::uuid[], $3::text[]) as k (artifact_id, stream)
  cross join lateral (
    select id, document_time, content_hash, component_count from (
      (select d.id, d.document_time, d.content_hash, d.component_count, d.document_time as at, d.content_hash as tie
       from ingest.sbom_document d
       where d.tenant_id = $1 and d.artifact_id = k.artifact_id and d.stream = k.stream
       order by d.document_time desc nulls last, d.content_hash desc limit 1)
      union all
      (select d.id, a.document_time, d.content_hash, d.component_count, a.document_time, a.content_hash
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
insert into p_stream (artifact_id, stream, document_id, document_time, content_hash, component_count)
select b.artifact_id, b.stream, b.id, b.document_time, b.content_hash, b.component_count from best b
where not exists (
  select from artifact.stream s
  where s.tenant_id = $1 and s.artifact_id = b.artifact_id and s.stream = b.stream and s.document_id = b.id offset 0)
