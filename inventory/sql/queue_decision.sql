-- Leaves the job that brings findings of vulnerability $2 up to the decision, and wakes the
-- workers that listen on channel $3 once this transaction is committed.
with job as (
  insert into core.job_queue (tenant_id, kind, payload) values ($1, 'decision', jsonb_build_object('vuln', $2::text))
)
select pg_notify($3, '')
