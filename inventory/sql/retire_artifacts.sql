-- Retires those of the artifacts $2 of tenant $1 that are active, for the reason $3, by $4
-- (command, unseen, tag), as of $5: a document that is newer revives. Without $5 it is as of now,
-- or as of the newest document where a clock that is ahead wrote that one. Leaves a job for each, and
-- wakes the workers that listen on channel $6.
with seen as materialized (
  select a.id, a.purl, (
    select max(coalesce(s.document_time, d.created_at)) from artifact.stream s
    left join ingest.sbom_document d on d.tenant_id = $1 and d.id = s.document_id
    where s.tenant_id = $1 and s.artifact_id = a.id) as last_seen
  from artifact.artifact a
  where a.tenant_id = $1 and a.id = any ($2::uuid[]) and a.state = 'active'
  order by a.id for update
), done as (
  update artifact.artifact a
  set state = 'retired', state_reason = $3, retired_by = $4, retired_at = now(), updated_at = now(), revived_at = null,
      retired_as_of = coalesce($5, greatest(now(), s.last_seen))
  from seen s where a.tenant_id = $1 and a.id = s.id
  returning a.id, a.purl, a.retired_as_of
), jobs as (
  insert into core.job_queue (tenant_id, kind, payload)
  select $1, 'artifact', jsonb_build_object('artifact', id) from done order by id
), told as (
  select pg_notify($6, '') from done limit 1
)
select d.id, d.purl, d.retired_as_of, s.last_seen, (select count(*) from told) as told
from done d join seen s on s.id = d.id order by d.purl
