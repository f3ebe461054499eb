-- Where BOM-Links lead ($2 serial numbers, $3 references in them): which artifacts' SBOMs have
-- the serial number, and what the reference means in each: the SBOM as a whole (no reference, or its main
-- component), a component wherever it is nested, or nothing. The newest document that
-- knows the reference says it; one that was said again later (an alias) is as new as that.
select k.serial, k.ref, a.artifact_id, coalesce(r.whole, false), coalesce(r.purl, ''), coalesce(r.version, '')
from unnest($2::text[], $3::text[]) as k (serial, ref)
cross join lateral (
  select distinct d.artifact_id from ingest.sbom_document d where d.tenant_id = $1 and d.bom_serial = k.serial
) as a
left join lateral (
  select m.whole, c ->> 'purl' as purl, c ->> 'version' as version
  from ingest.sbom_document d
  cross join lateral (
    select at, tie from (
      select d.document_time as at, d.content_hash as tie
      union all
      select l.document_time, l.content_hash from ingest.document_alias l
      where l.tenant_id = $1 and l.artifact_id = d.artifact_id and l.stream = d.stream and l.document_id = d.document_id
    ) as said order by at desc nulls last, tie desc limit 1) as n
  cross join lateral (select k.ref = '' or coalesce(d.doc #>> '{metadata,component,bom-ref}' = k.ref, false) as whole) as m
  left join lateral jsonb_path_query(
    jsonb_build_array(d.doc -> 'components', d.doc #> '{metadata,component,components}'),
    '$.**{0 to 40} ? (@."bom-ref" == $ref)', jsonb_build_object('ref', k.ref)) as c on not m.whole
  where d.tenant_id = $1 and d.bom_serial = k.serial and d.artifact_id = a.artifact_id and (m.whole or c is not null)
  order by n.at desc nulls last, n.tie desc, c ->> 'purl', c ->> 'version' limit 1
) as r on true
