-- Purls of artifacts that somebody may have meant.
select purl from artifact.artifact where tenant_id = $1 limit 200000
