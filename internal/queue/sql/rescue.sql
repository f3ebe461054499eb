-- Frees the jobs whose lease ran out. That is mostly no fault of theirs, so they are not
-- failed; but what was claimed five times may be what kills the workers, and comes again
-- later, spread out so that it does not take the same neighbours with it each time.
update core.job_queue set locked_at = null, locked_by = null, lease_token = null, lease_until = null,
  run_after = case when attempts >= 5 then now() + interval '1 second' * power(2, least(attempts, 11)) * random() else run_after end
where id in (
  select id from core.job_queue where locked_at is not null and lease_until < now()
  order by lease_until for update skip locked limit 10000)
