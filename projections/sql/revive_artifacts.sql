-- Of the artifacts $2 those that are retired, and that a document newer than the retirement
-- lists, are active again. By the times of the documents, never by when they came; one
-- without a time counts by when it was stored.
update artifact.artifact a
set state = 'active', state_reason = null, retired_by = '', retired_at = null, retired_as_of = null, updated_at = now()
from (
  select r.id, r.state_reason, r.retired_by, r.retired_as_of from artifact.artifact r
  where r.tenant_id = $1 and r.id = any ($2::uuid[]) and r.state = 'retired'
    and r.retired_as_of < (
      select max(coalesce(s.document_time, d.created_at)) from artifact.stream s
      left join ingest.sbom_document d on d.tenant_id = $1 and d.id = s.document_id
      where s.tenant_id = $1 and s.artifact_id = r.id)
  order by r.id for update
) as was
where a.tenant_id = $1 and a.id = was.id
returning a.id, a.purl, coalesce(was.state_reason, ''), was.retired_by, was.retired_as_of
