-- Up to $3 jobs of a tenant that were given up longer than $2 ago.
delete from core.job_queue
where tenant_id = $1 and id = any (array(
  select id from core.job_queue
  where tenant_id = $1 and run_after = 'infinity' and locked_at is null and created_at < now() - $2::interval
  order by id limit $3))
returning kind, coalesce(last_error, '')
