-- The tags that artifacts have.
select distinct tag from artifact.tag where tenant_id = $1 order by tag limit 1000
