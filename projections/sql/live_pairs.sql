-- Of the pairs $2, $3 those where the artifact is active and lists the package now.
select k.artifact_id, k.package_id, a.purl, a.name_key, p.purl, p.name_key, p.version, p.match_version, p.ecosystem, p.matched_by,
       array_agg(distinct c.stream order by c.stream) as streams
from unnest($2::uuid[], $3::uuid[]) as k (artifact_id, package_id)
join artifact.artifact a on a.tenant_id = $1 and a.id = k.artifact_id and a.state = 'active'
join ingest.sbom_component c on c.tenant_id = $1 and c.package_id = k.package_id and c.artifact_id = k.artifact_id
join vex.package p on p.tenant_id = $1 and p.id = k.package_id
group by k.artifact_id, k.package_id, a.purl, a.name_key, p.purl, p.name_key, p.version, p.match_version, p.ecosystem, p.matched_by
