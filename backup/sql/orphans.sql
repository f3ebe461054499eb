-- Rows without those that were written in one transaction with them: what a torn database would have.
select 'SBOMs without an original', count(*) from ingest.sbom_document d
where not exists (select from ingest.original o where o.tenant_id = d.tenant_id and o.content_hash = d.content_hash)
union all
select 'SBOMs without an inventory', count(*) from ingest.sbom_document d
where not exists (select from ingest.sbom_inventory i where i.tenant_id = d.tenant_id and i.sbom_document_id = d.id)
union all
select 'inventories without an SBOM', count(*) from ingest.sbom_inventory i
where not exists (select from ingest.sbom_document d where d.tenant_id = i.tenant_id and d.id = i.sbom_document_id)
union all
select 'streams whose document is not there', count(*) from artifact.stream s
where not exists (select from ingest.sbom_document d where d.tenant_id = s.tenant_id and d.id = s.document_id)
union all
select 'open findings of packages that are not there', count(*) from vex.open_findings f
where not exists (select from vex.package p where p.tenant_id = f.tenant_id and p.id = f.package_id)
