-- Those that were not heard of for $2 are offline. Whoever beats says it of the others: one that is gone
-- cannot.
update routing.instance set status = 'offline', updated_at = clock_timestamp()
where tenant_id = $1 and status <> 'offline' and last_heartbeat < clock_timestamp() - $2::interval
