-- Leaves the job by which the views learn that tag $3 came to artifact $2 of tenant $1 or left it, and wakes the
-- workers that listen on channel $4.
with job as (
  insert into core.job_queue (tenant_id, kind, payload) values ($1, 'artifact', jsonb_build_object('artifact', $2::uuid, 'tag', $3::text))
)
select pg_notify($4, '')
