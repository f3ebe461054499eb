-- All that the artifacts $2 list and all that is found in them, for those that were retired or revived.
insert into p_pair (artifact_id, package_id, whole)
select k.artifact, c.package_id, true
from unnest($2::uuid[]) as k (artifact)
cross join lateral (
  select package_id from ingest.sbom_component where tenant_id = $1 and artifact_id = k.artifact and package_id is not null
  union
  select package_id from vex.open_findings where tenant_id = $1 and artifact_id = k.artifact
  union
  select package_id from vex.suppressed_findings where tenant_id = $1 and artifact_id = k.artifact
  offset 0) as c
on conflict (artifact_id, package_id) do update set whole = true
