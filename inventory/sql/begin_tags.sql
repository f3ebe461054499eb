-- Tags of artifacts that begin like $2, for a shell to complete.
select distinct tag from artifact.tag where tenant_id = $1 and starts_with(tag, $2) order by tag limit $3
