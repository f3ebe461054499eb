-- The packages that artifact $2 of tenant $1 lists now, in any stream.
select distinct p.purl, p.name_key, p.version
from ingest.sbom_component c join vex.package p on p.tenant_id = $1 and p.id = c.package_id
where c.tenant_id = $1 and c.artifact_id = $2 and c.package_id is not null
order by p.name_key, p.version, p.purl
