-- Makes artifact $2 of tenant $1 active again, which counts as seen now; leaves the job that opens its
-- findings, and wakes the workers that listen on channel $3. Returns what it was; nothing where it is active.
with was as materialized (
  select id, purl, coalesce(state_reason, '') as reason, retired_by, retired_as_of from artifact.artifact
  where tenant_id = $1 and id = $2 and state = 'retired' for update
), done as (
  update artifact.artifact a
  set state = 'active', state_reason = null, retired_by = '', retired_at = null, retired_as_of = null, revived_at = now(), updated_at = now()
  from was where a.tenant_id = $1 and a.id = was.id
), job as (
  insert into core.job_queue (tenant_id, kind, payload)
  select $1, 'artifact', jsonb_build_object('artifact', id) from was
), told as (
  select pg_notify($3, '') from was
)
select purl, reason, retired_by, retired_as_of, (select count(*) from told) as told from was
