-- The ids of the artifacts of tenant $1 whose purl fits one of the patterns $2 (null is any) and that have the tag $3 ('' is any).
select coalesce(array_agg(a.id), '{}') from artifact.artifact a
where a.tenant_id = $1 and ($2::text[] is null or a.purl like any ($2))
  and ($3 = '' or a.id in (select t.artifact_id from artifact.tag t where t.tenant_id = $1 and t.tag = $3))
