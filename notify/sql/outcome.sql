-- What became of message $2 of tenant $1.
select state, attempts, last_status, coalesce(last_error, '') from routing.notify_message where tenant_id = $1 and id = $2
