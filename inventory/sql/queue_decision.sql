-- Leaves the job that brings findings of vulnerability $2 up to the decision, another one that does when
-- it ends ($4, null: never), and wakes the workers that listen on channel $3 once this transaction
-- is committed.
with job as (
  insert into core.job_queue (tenant_id, kind, payload, run_after)
  select $1::uuid, 'decision', jsonb_build_object('vuln', $2::text), now()
  union all
  select $1, 'expiry', jsonb_build_object('vuln', $2::text), $4::timestamptz where $4 is not null
)
select pg_notify($3, '')
