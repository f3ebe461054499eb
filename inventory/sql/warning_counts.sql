-- How often documents of tenant $1 were odd, by code and by $2 (code alone, tool, artifact, document): of kind
-- $3, artifact $4, tool $5, code $6 ('' is any), and of what is current only, where $7 says so. Documents
-- without warnings cost a look at their row; the planner knows the parameters and drops what is not asked for.
select
  case when $2 in ('tool', 'document') then w.tool else '' end as tool,
  case when $2 in ('tool', 'document') then w.tool_version else '' end as tool_version,
  case when $2 in ('artifact', 'document') then coalesce(d.artifact_purl, '') else '' end as artifact,
  case when $2 = 'document' then w.document_id::text else '' end as document_id,
  w.code, count(distinct w.content_hash) as documents, sum(w.count)::bigint as warnings,
  (array_agg(w.document_id::text || ' ' || w.pointer order by w.received_at desc, w.document_id, w.ordinal))[1] as example
from ingest.document_warning w
left join ingest.sbom_document d on d.tenant_id = w.tenant_id and d.content_hash = w.content_hash
left join artifact.stream s on s.tenant_id = d.tenant_id and s.artifact_id = d.artifact_id and s.stream = d.stream and s.document_id = d.id
where w.tenant_id = $1 and ($3 = '' or w.kind = $3) and ($4 = '' or d.artifact_purl = $4) and ($5 = '' or w.tool = $5) and ($6 = '' or w.code = $6)
  and (not $7::boolean or s.document_id is not null)
group by 1, 2, 3, 4, 5
order by warnings desc, 1, 2, 3, 4, 5
limit nullif($8::bigint, 0)
