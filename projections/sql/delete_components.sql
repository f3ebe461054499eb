-- Components that the current document has no more.
delete from ingest.sbom_component
where tenant_id = $1 and ctid = any (array(
  select c.at from p_change d
  cross join lateral (
    select ctid as at from ingest.sbom_component
    where tenant_id = $1 and artifact_id = d.artifact_id and stream = d.stream and component_id = d.component_id
    offset 0) as c
  where not d.added))
