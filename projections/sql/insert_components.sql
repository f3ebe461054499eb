-- Components that the current document lists and the one before did not.
with added as (
  insert into ingest.sbom_component (tenant_id, artifact_id, stream, component_id, package_id)
  select $1, w.artifact_id, w.stream, w.component_id, w.package_id
  from p_want w
  where not exists (
    select from ingest.sbom_component c
    where c.tenant_id = $1 and c.artifact_id = w.artifact_id and c.stream = w.stream and c.component_id = w.component_id)
  order by w.artifact_id, w.stream, w.component_id
  on conflict do nothing
  returning artifact_id, package_id
)
insert into p_pair (artifact_id, package_id, whole)
select distinct artifact_id, package_id, true from added where package_id is not null
on conflict do nothing
