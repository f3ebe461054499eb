-- Where BOM-Links lead ($2 serial numbers, $3 references in them): which artifacts' SBOMs have
-- the serial number, themselves or by one that said the same (an alias), and what the reference
-- means in each: the SBOM as a whole (no reference, or its main component), a component wherever it
-- is nested, or nothing. Of the SBOMs that know the reference the highest version says it, then
-- the newest.
with said as (
  select k.serial, k.ref, d.artifact_id, d.document_id, d.version_rank, d.document_time, d.content_hash
  from unnest($2::text[], $3::text[]) as k (serial, ref)
  cross join lateral (
    select artifact_id, document_id, version_rank, document_time, content_hash from ingest.sbom_document
    where tenant_id = $1 and bom_serial = k.serial
    union all
    select artifact_id, document_id, version_rank, document_time, content_hash from ingest.document_alias
    where tenant_id = $1 and bom_serial = k.serial) as d
)
select a.serial, a.ref, a.artifact_id, coalesce(r.whole, false), coalesce(r.purl, ''), coalesce(r.version, '')
from (select distinct serial, ref, artifact_id from said) as a
left join lateral (
  select m.whole, c ->> 'purl' as purl, c ->> 'version' as version
  from said n
  cross join lateral (
    select content_hash from ingest.original where tenant_id = $1 and document_id = n.document_id offset 0) as o
  cross join lateral (
    select doc from ingest.sbom_document where tenant_id = $1 and content_hash = o.content_hash offset 0) as d
  cross join lateral (select a.ref = '' or coalesce(d.doc #>> '{metadata,component,bom-ref}' = a.ref, false) as whole) as m
  left join lateral jsonb_path_query(
    jsonb_build_array(d.doc -> 'components', d.doc #> '{metadata,component,components}'),
    '$.**{0 to 40} ? (@."bom-ref" == $ref)', jsonb_build_object('ref', a.ref)) as c on not m.whole
  where n.serial = a.serial and n.ref = a.ref and n.artifact_id = a.artifact_id and (m.whole or c is not null)
  order by n.version_rank desc, n.document_time desc nulls last, n.content_hash desc, c ->> 'purl', c ->> 'version' limit 1
) as r on true
