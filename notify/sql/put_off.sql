-- Rule $2 of tenant $1 looks again after $3.
update routing.notify_rule set next_look_at = clock_timestamp() + $3::interval where tenant_id = $1 and id = $2
