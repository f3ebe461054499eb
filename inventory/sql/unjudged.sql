-- How many components of the SBOMs in use are of each of the ecosystems $2 of tenant $1: in artifacts $3 (null is any), of packages
-- whose purl begins with $4 and fits one of the patterns $5 (null is any). Of each it counts up to $6 (null is all).
select e.ecosystem, n.components
from unnest($2::text[]) as e (ecosystem)
cross join lateral (
  select count(*) as components from (
    select
    from vex.package p
    join ingest.sbom_component c on c.tenant_id = $1 and c.package_id = p.id
    join artifact.artifact a on a.tenant_id = $1 and a.id = c.artifact_id and a.state = 'active'
    where p.tenant_id = $1 and p.ecosystem collate "C" = e.ecosystem collate "C" and p.match_key <> '' and p.unmatched_reason = ''
      and ($3::uuid[] is null or c.artifact_id = any ($3))
      and ($4 = '' or p.purl collate "C" ^@ $4) and ($5::text[] is null or p.purl like any ($5))
    limit $6) as c) as n
where n.components > 0
order by 2 desc, 1
