-- Which of the artifacts $2 list package $3 now.
select distinct artifact_id from ingest.sbom_component where tenant_id = $1 and package_id = $3 and artifact_id = any ($2)
