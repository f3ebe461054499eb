-- The components of the SBOMs in use that are of the ecosystems $2 of tenant $1, in artifacts $3 (null is any), with
-- the time of the SBOM.
select a.purl as artifact, c.stream, p.name, p.version, p.purl, $4::text as reason, coalesce(s.document_time, a.created_at) as valid_from
from vex.package p
join ingest.sbom_component c on c.tenant_id = $1 and c.package_id = p.id
join artifact.artifact a on a.tenant_id = $1 and a.id = c.artifact_id and a.state = 'active'
left join artifact.stream s on s.tenant_id = $1 and s.artifact_id = c.artifact_id and s.stream = c.stream
where p.tenant_id = $1 and p.ecosystem collate "C" = any ($2::text[]) and p.match_key <> '' and p.unmatched_reason = ''
  and ($3::uuid[] is null or c.artifact_id = any ($3))
order by 1, 2, 3, 4, 5, c.component_id
