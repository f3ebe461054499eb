-- Which of these name keys belong to an artifact with an SBOM or to a package in use.
select k from unnest($2::text[]) as k
where exists (
    select from artifact.artifact a
    where a.tenant_id = $1 and a.name_key = k and exists (select from artifact.stream s where s.tenant_id = $1 and s.artifact_id = a.id offset 0) offset 0)
   or exists (
    select from vex.package p
    where p.tenant_id = $1 and p.name_key = k and exists (select from ingest.sbom_component c where c.tenant_id = $1 and c.package_id = p.id offset 0) offset 0)
