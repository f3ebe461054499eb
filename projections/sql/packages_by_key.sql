-- Packages in use that these keys may name.
select p.id from vex.package p
where p.tenant_id = $1 and p.match_key = any ($2) and p.match_key <> ''
  and exists (select from ingest.sbom_component c where c.tenant_id = $1 and c.package_id = p.id)
union
select k.package_id from vex.package_key k
where k.tenant_id = $1 and k.match_key = any ($2)
  and exists (select from ingest.sbom_component c where c.tenant_id = $1 and c.package_id = k.package_id)
