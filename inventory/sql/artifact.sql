-- The id and the name key of artifact $2 (a canonical purl) of tenant $1, and its state.
select id, purl, name_key, state from artifact.artifact where tenant_id = $1 and id = $2
