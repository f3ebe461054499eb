-- Components that the current document has and the one before had not.
insert into ingest.sbom_component (tenant_id, artifact_id, stream, component_id, package_id)
select $1, artifact_id, stream, component_id, package_id from p_change where added
order by artifact_id, stream, component_id
