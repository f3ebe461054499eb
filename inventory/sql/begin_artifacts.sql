-- Purls of artifacts that begin like $2, for a shell to complete.
select purl from artifact.artifact where tenant_id = $1 and starts_with(purl, $2) order by purl limit $3
