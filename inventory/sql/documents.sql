-- Documents of tenant $1, the newest first: of kind $2 and of artifact $3 ('' is any), $4 at most
-- (0 is all), with an envelope whose check ended as $6 ('' is any; none: without one); or the one with
-- content hash $5. What lists and what shows one share this, so that both say the same; the planner
-- knows the parameters and drops what is not asked for.
select o.document_id::text as id, 'sha256:' || encode(o.content_hash, 'hex') as hash, o.kind, o.format, o.format_version, o.size,
  coalesce(d.artifact_purl, '') as artifact, coalesce(d.stream, '') as stream, coalesce(d.document_time, v.document_time) as document_time,
  d.component_count, s.document_id is not null as current, o.origin, o.scan_run_id, o.received_at, coalesce(o.warnings, '[]') as warnings,
  coalesce(g.outcome, '') as signature
from ingest.original o
left join ingest.sbom_document d on d.tenant_id = o.tenant_id and d.content_hash = o.content_hash
left join vex.vex_document v on v.tenant_id = o.tenant_id and v.content_hash = o.content_hash
left join artifact.stream s on s.tenant_id = d.tenant_id and s.artifact_id = d.artifact_id and s.stream = d.stream and s.document_id = d.id
left join lateral (
  select g.outcome from artifact.signature g where g.tenant_id = o.tenant_id and g.content_hash = o.content_hash and g.tenant_id = $1
  order by array_position(array['verified', 'bad', 'unknown-key', 'unchecked', 'unsigned'], g.outcome) limit 1) g on true
where o.tenant_id = $1 and ($2 = '' or o.kind = $2) and ($3 = '' or d.artifact_purl = $3) and ($5::bytea is null or o.content_hash = $5)
  and ($6 = '' or $6 = coalesce(g.outcome, 'none'))
order by o.received_at desc, o.document_id desc
limit nullif($4::bigint, 0)
