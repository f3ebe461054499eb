-- Of the pairs $2, $3 those where the artifact is active and lists the package now, and in
-- which streams: component_id is the package for components that have one.
select k.artifact, k.package, a.purl, a.name_key, p.purl, p.name_key, p.version, p.match_version, p.ecosystem, p.matched_by, c.streams
from unnest($2::uuid[], $3::uuid[]) as k (artifact, package)
cross join lateral (
  select array_agg(t.stream order by t.stream) as streams
  from (select stream from artifact.stream where tenant_id = $1 and artifact_id = k.artifact offset 0) as t
  where exists (
    select from ingest.sbom_component
    where tenant_id = $1 and artifact_id = k.artifact and stream = t.stream and component_id = k.package offset 0)) as c
join artifact.artifact a on a.tenant_id = $1 and a.id = k.artifact and a.state = 'active'
join vex.package p on p.tenant_id = $1 and p.id = k.package
where c.streams is not null
