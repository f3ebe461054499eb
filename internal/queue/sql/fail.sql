-- Puts jobs off, longer each time, with the error; after the last attempt for ever, for a person to look at.
update core.job_queue set locked_at = null, locked_by = null, lease_token = null, lease_until = null, last_error = $3,
  run_after = case when attempts >= max_attempts then 'infinity' else now() + least(interval '1 second' * power(2, attempts), interval '1 hour') end
where id = any ($1) and lease_token = $2
