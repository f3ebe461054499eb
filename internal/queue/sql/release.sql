-- Gives jobs back as they were: this was no attempt.
update core.job_queue set locked_at = null, locked_by = null, lease_token = null, lease_until = null, attempts = greatest(attempts - 1, 0)
where id = any ($1) and lease_token = $2
