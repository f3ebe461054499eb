-- The artifacts of tenant $1 with name key $2, but for $3, and their tags: other versions of it.
select a.purl as artifact, a.state,
       (select max(coalesce(s.document_time, d.created_at)) from artifact.stream s
        left join ingest.sbom_document d on d.tenant_id = $1 and d.id = s.document_id
        where s.tenant_id = $1 and s.artifact_id = a.id) as last_seen,
       coalesce((select array_agg(t.tag order by t.tag) from artifact.tag t where t.tenant_id = $1 and t.artifact_id = a.id), '{}') as tags
from artifact.artifact a
where a.tenant_id = $1 and a.name_key = $2 and a.id <> $3
order by last_seen desc nulls last, a.purl limit 100
