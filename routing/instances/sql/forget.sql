-- Those that have been offline for $2 are forgotten: containers get a new name with each start.
delete from routing.instance where tenant_id = $1 and status = 'offline' and last_heartbeat < clock_timestamp() - $2::interval
