-- Stored documents that say the same as new ones: by meaning, then by stream.
select document_id, artifact_id, stream, meaning_hash
from ingest.sbom_document
where tenant_id = $1 and meaning_hash = any ($2)
