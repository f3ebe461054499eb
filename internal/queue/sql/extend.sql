-- By the token: a job that another worker has taken since is left alone, and missing from the count.
update core.job_queue set lease_until = now() + $3 where id = any ($1) and lease_token = $2
