-- Which of the artifacts $2 are retired, and why.
select id, retired_by, coalesce(state_reason, '') from artifact.artifact
where tenant_id = $1 and id = any ($2::uuid[]) and state = 'retired'
