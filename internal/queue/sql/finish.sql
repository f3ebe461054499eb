-- By the token: what is missing from the count belongs to another worker now.
delete from core.job_queue where id = any ($1) and lease_token = $2
