-- The SBOM with the content hash $2 lists these packages and these components without one.
update ingest.sbom_inventory i set package_ids = $3::uuid[], unmatched = $4::jsonb
from ingest.sbom_document d
where d.tenant_id = $1 and d.content_hash = $2::bytea and i.tenant_id = $1 and i.sbom_document_id = d.id
  and (i.package_ids, i.unmatched) is distinct from ($3::uuid[], $4::jsonb)
