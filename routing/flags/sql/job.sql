-- Asks for what flag $2 decides about to be looked at again, and wakes the workers that listen on
-- channel $3 once this transaction is committed.
with job as (
  insert into core.job_queue (tenant_id, kind, payload, dedup_key) values ($1, 'flag', jsonb_build_object('key', $2::text), $2)
)
select pg_notify($3, '')
