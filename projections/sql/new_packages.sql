-- Packages that no artifact had before this batch: they have to be matched from scratch.
select distinct w.package_id from p_want w
where w.package_id is not null
  and not exists (select from ingest.sbom_component c where c.tenant_id = $1 and c.package_id = w.package_id)
