-- One row per SBOM, whatever it lists: ids of its packages, and what cannot be matched, as arrays.
insert into ingest.sbom_inventory (tenant_id, sbom_document_id, package_ids, unmatched)
select $1, d.id, t.package_ids, t.unmatched::jsonb
from t_inventory t join ingest.sbom_document d on d.tenant_id = $1 and d.content_hash = t.content_hash
