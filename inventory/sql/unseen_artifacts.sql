-- Active artifacts of tenant $1 that nobody has seen since $2: the newest document of all streams is
-- older, and nobody revived them since. One with a tag is somewhere in use: somebody says so.
-- $3 at most, those that come after the purl $4.
select a.id, a.purl
from artifact.artifact a
where a.tenant_id = $1 and a.state = 'active' and a.purl > $4 and (a.revived_at is null or a.revived_at < $2)
  and not exists (select from artifact.tag t where t.tenant_id = $1 and t.artifact_id = a.id offset 0)
  and $2 > (
    select max(coalesce(s.document_time, d.created_at)) from artifact.stream s
    left join ingest.sbom_document d on d.tenant_id = $1 and d.id = s.document_id
    where s.tenant_id = $1 and s.artifact_id = a.id)
order by a.purl limit $3
