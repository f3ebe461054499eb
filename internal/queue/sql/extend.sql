update core.job_queue set lease_until = now() + $3 where id = any ($1) and lease_token = $2
