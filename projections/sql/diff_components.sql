-- What the current document of each changed stream lists and sbom_component does not, and
-- the other way round. Set by set and stream by stream: what is compared is never more
-- than one stream, and no plan can make it so.
insert into p_change (artifact_id, stream, component_id, package_id, added)
select s.artifact_id, s.stream, d.id, d.package, d.added
from (select * from p_stream order by artifact_id, stream) as s
cross join lateral (select package_ids, unmatched from ingest.sbom_inventory where tenant_id = $1 and sbom_document_id = s.document_id offset 0) as i
cross join lateral (
  (select p as id, p as package, true as added from unnest(i.package_ids) as p
   union all
   select coalesce(u ->> 'package', u ->> 'id')::uuid, (u ->> 'package')::uuid, true from jsonb_array_elements(i.unmatched) as u
   except
   select component_id, package_id, true from ingest.sbom_component where tenant_id = $1 and artifact_id = s.artifact_id and stream = s.stream)
  union all
  (select component_id, package_id, false from ingest.sbom_component where tenant_id = $1 and artifact_id = s.artifact_id and stream = s.stream
   except
   (select p, p, false from unnest(i.package_ids) as p
    union all
    select coalesce(u ->> 'package', u ->> 'id')::uuid, (u ->> 'package')::uuid, false from jsonb_array_elements(i.unmatched) as u))
  offset 0) as d
