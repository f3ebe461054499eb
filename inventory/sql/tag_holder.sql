-- Which artifact named $3 holds tag $2 in tenant $1.
select a.id, a.purl from artifact.tag t join artifact.artifact a on a.tenant_id = $1 and a.id = t.artifact_id
where t.tenant_id = $1 and t.tag = $2 and t.name = $3
