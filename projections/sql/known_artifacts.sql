-- Which of these artifacts have an SBOM.
select distinct artifact_id from artifact.stream where tenant_id = $1 and artifact_id = any ($2)
