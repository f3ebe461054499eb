-- How complete SBOMs of tenant $1 are, by $2 (document, artifact, tool): the one with content hash $3, or
-- those of artifact $4 and tool $5 ('' is any), and of what is current only, where $6 says so. What was imported
-- before quality was counted waits for its job of kind reread and is left out.
select
  case when $2 = 'document' then o.document_id::text else '' end as document_id,
  case when $2 in ('document', 'artifact') then d.artifact_purl else '' end as artifact,
  case when $2 in ('document', 'tool') then o.tool else '' end as tool,
  case when $2 in ('document', 'tool') then o.tool_version else '' end as tool_version,
  count(*) as documents,
  count(*) filter (where (o.quality ->> 'author')::boolean) as authors,
  count(*) filter (where (o.quality ->> 'timestamp')::boolean) as timestamps,
  sum((o.quality ->> 'components')::bigint)::bigint as components,
  sum((o.quality ->> 'supplier')::bigint)::bigint as suppliers,
  sum((o.quality ->> 'name')::bigint)::bigint as names,
  sum((o.quality ->> 'version')::bigint)::bigint as versions,
  sum((o.quality ->> 'identifier')::bigint)::bigint as identifiers,
  sum((o.quality ->> 'relationship')::bigint)::bigint as relationships,
  sum((o.quality ->> 'software')::bigint)::bigint as software,
  sum((o.quality ->> 'matchable')::bigint)::bigint as matchable
from ingest.original o
join ingest.sbom_document d on d.tenant_id = o.tenant_id and d.content_hash = o.content_hash
left join artifact.stream s on s.tenant_id = d.tenant_id and s.artifact_id = d.artifact_id and s.stream = d.stream and s.document_id = d.id
where o.tenant_id = $1 and o.quality is not null and ($3::bytea is null or o.content_hash = $3)
  and ($4 = '' or d.artifact_purl = $4) and ($5 = '' or o.tool = $5) and (not $6::boolean or s.document_id is not null)
group by 1, 2, 3, 4
order by documents desc, components desc, 1, 2, 3, 4
limit nullif($7::bigint, 0)
