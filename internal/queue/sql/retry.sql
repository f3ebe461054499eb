-- Lets jobs that failed begin anew; the same parameters as list.sql. Past those that a worker
-- is claiming at this moment.
update core.job_queue set attempts = 0, run_after = now()
where id in (
  select id from core.job_queue
  where tenant_id is not null and locked_at is null and last_error is not null
    and (coalesce(cardinality($1::uuid[]), 0) = 0 or tenant_id = any ($1)) and (coalesce(cardinality($2::bigint[]), 0) = 0 or id = any ($2))
    and (coalesce(cardinality($3::text[]), 0) = 0 or case when run_after = 'infinity' then 'given-up' else 'failing' end = any ($3))
    and ($4 = '' or kind = $4) and ($5 = '' or strpos(last_error, $5) > 0)
  for update skip locked)
returning tenant_id, id, kind, last_error
