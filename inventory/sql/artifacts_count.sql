-- How many artifacts artifacts.sql picks of tenant $1: after the purl $2, those like $3, in state $4, with tag $5, not seen since $6.
select count(*) from artifact.artifact a
where a.tenant_id = $1 and a.purl > $2 and ($3 = '' or a.purl like $3) and ($4 = '' or a.state = $4)
  and ($5 = '' or exists (select from artifact.tag t where t.tenant_id = $1 and t.artifact_id = a.id and t.tag = $5 offset 0))
  and ($6::timestamptz is null or $6 > (
    select coalesce(max(coalesce(s.document_time, d.created_at)), '-infinity') from artifact.stream s
    left join ingest.sbom_document d on d.tenant_id = $1 and d.id = s.document_id
    where s.tenant_id = $1 and s.artifact_id = a.id))
