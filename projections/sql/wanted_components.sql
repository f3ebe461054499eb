insert into p_want (artifact_id, stream, component_id, package_id)
select s.artifact_id, s.stream, p.id, p.id
from p_stream s
join ingest.sbom_inventory i on i.tenant_id = $1 and i.sbom_document_id = s.document_id
cross join lateral unnest(i.package_ids) as p (id)
union all
select s.artifact_id, s.stream, (u ->> 'id')::uuid, null
from p_stream s
join ingest.sbom_inventory i on i.tenant_id = $1 and i.sbom_document_id = s.document_id
cross join lateral jsonb_array_elements(i.unmatched) as u
