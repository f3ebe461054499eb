-- The ecosystems that artifacts $2 of tenant $1 have packages of, with one of them: most packages first.
select a.purl as artifact, p.ecosystem, p.type, count(*) as packages, min(p.purl collate "C") as example
from artifact.artifact a
join ingest.sbom_component c on c.tenant_id = $1 and c.artifact_id = a.id
join vex.package p on p.tenant_id = $1 and p.id = c.package_id and p.match_key <> ''
where a.tenant_id = $1 and a.id = any ($2::uuid[])
group by 1, 2, 3 order by 1, 4 desc, 2, 3
