-- The meaning hash of an SBOM that was stored without one. Beside the inventory, where it costs one
-- short row: a new version of the document's row would have its entries in all its indexes.
update ingest.sbom_inventory i set meaning_hash = $3
from ingest.sbom_document d
where d.tenant_id = $1 and d.content_hash = $2 and i.tenant_id = $1 and i.sbom_document_id = d.id
