-- The original of a stored SBOM, whose meaning hash is wanted after all.
select content_hash, size, encoding, bytes from ingest.original where tenant_id = $1 and document_id = $2
