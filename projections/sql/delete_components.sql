-- Components that the current document lists no more. Whatever was found in them is looked at.
with gone as (
  delete from ingest.sbom_component c using p_stream s
  where c.tenant_id = $1 and c.artifact_id = s.artifact_id and c.stream = s.stream
    and not exists (
      select from p_want w
      where w.artifact_id = c.artifact_id and w.stream = c.stream and w.component_id = c.component_id)
  returning c.artifact_id, c.package_id
)
insert into p_pair (artifact_id, package_id, whole)
select distinct artifact_id, package_id, true from gone where package_id is not null
on conflict do nothing
