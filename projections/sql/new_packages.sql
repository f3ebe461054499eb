-- Packages that no artifact had before this batch: they have to be matched from scratch.
select p.package_id from (select distinct package_id from p_change where added and package_id is not null) as p
where not exists (select from ingest.sbom_component c where c.tenant_id = $1 and c.package_id = p.package_id offset 0)
