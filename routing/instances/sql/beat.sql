-- The process lives, and how it is; no row: another one has its key.
update routing.instance set status = $3, last_heartbeat = clock_timestamp(), updated_at = clock_timestamp()
where tenant_id = $1 and id = $2
