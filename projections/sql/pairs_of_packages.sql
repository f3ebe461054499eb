-- Everything about packages that were matched anew is looked at again.
insert into p_pair (artifact_id, package_id, whole)
select distinct c.artifact_id, k.package, false
from unnest($2::uuid[]) as k (package)
cross join lateral (select artifact_id from ingest.sbom_component where tenant_id = $1 and package_id = k.package offset 0) as c
on conflict do nothing
