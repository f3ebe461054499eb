-- The artifacts with the tag $2.
select a.id, a.purl from artifact.tag t join artifact.artifact a on a.tenant_id = t.tenant_id and a.id = t.artifact_id
where t.tenant_id = $1 and t.tag = $2 order by a.purl
