insert into p_pair (artifact_id, package_id, whole)
select distinct c.artifact_id, c.package_id, false from ingest.sbom_component c
where c.tenant_id = $1 and c.package_id = any ($2)
on conflict do nothing
