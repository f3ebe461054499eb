-- Takes tag $2 of tenant $1 from artifact $3.
delete from artifact.tag where tenant_id = $1 and tag = $2 and artifact_id = $3
