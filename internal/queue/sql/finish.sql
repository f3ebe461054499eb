delete from core.job_queue where id = any ($1) and lease_token = $2
