-- The originals of these documents ($2), and what was found out about them when they came: what
-- they are about, and the time that stood in for a missing one.
select o.document_id, o.content_hash, o.kind, o.size, o.encoding, o.bytes, o.origin, o.scan_run_id, coalesce(d.id, 0),
       coalesce(d.artifact_id, s.artifact_id), coalesce(d.artifact_purl, a.purl, ''), coalesce(d.artifact_from, ''), coalesce(d.stream, ''),
       coalesce(d.meaning_hash, ''), coalesce(d.document_time, v.document_time)
from unnest($2::uuid[]) as k (document)
cross join lateral (select * from ingest.original where tenant_id = $1 and document_id = k.document offset 0) as o
left join lateral (
  select id, artifact_id, artifact_purl, artifact_from, stream, meaning_hash, document_time
  from ingest.sbom_document where tenant_id = $1 and content_hash = o.content_hash offset 0) as d on true
left join lateral (select document_time from vex.vex_document where tenant_id = $1 and id = k.document offset 0) as v on true
left join lateral (
  select artifact_id from vex.vex_statement where tenant_id = $1 and document_id = k.document and artifact_id is not null order by ordinal limit 1) as s on true
left join lateral (select purl from artifact.artifact where tenant_id = $1 and id = s.artifact_id offset 0) as a on true
order by o.content_hash
