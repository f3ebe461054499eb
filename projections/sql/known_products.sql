-- Which of these name keys belong to an artifact with an SBOM or to a package in use.
select k from unnest($2::text[]) as k
where exists (select from artifact.artifact a join artifact.stream s on s.tenant_id = a.tenant_id and s.artifact_id = a.id
              where a.tenant_id = $1 and a.name_key = k)
   or exists (select from vex.package p join ingest.sbom_component c on c.tenant_id = p.tenant_id and c.package_id = p.id
              where p.tenant_id = $1 and p.name_key = k)
