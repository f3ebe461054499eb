-- Attempt $3 to send message $2 of tenant $1 failed: it waits for $6, or is given up ($7).
update routing.notify_message
set state = case when $7::bool then 'failed' else 'waiting' end, attempts = attempts + 1, last_status = $4, last_error = $5,
  next_attempt_at = clock_timestamp() + $6::interval, updated_at = clock_timestamp()
where tenant_id = $1 and id = $2 and state = 'waiting' and attempts = $3
