-- Deletes jobs that failed; the same parameters as list.sql, with one tenant.
delete from core.job_queue
where tenant_id = any ($1::uuid[]) and locked_at is null and last_error is not null
  and (coalesce(cardinality($2::bigint[]), 0) = 0 or id = any ($2))
  and (coalesce(cardinality($3::text[]), 0) = 0 or case when run_after = 'infinity' then 'given-up' else 'failing' end = any ($3))
  and ($4 = '' or kind = $4) and ($5 = '' or strpos(last_error, $5) > 0)
returning id, kind, last_error
