-- Takes the domain from processes that are gone; one that lives keeps it, and is counted.
with gone as (
  update routing.instance set domain = instance_key, updated_at = clock_timestamp()
  where tenant_id = $1 and domain = $2 and instance_key <> $3 and (status = 'offline' or last_heartbeat < clock_timestamp() - $4::interval)
  returning id
)
select count(*) from routing.instance
where tenant_id = $1 and domain = $2 and instance_key <> $3 and id not in (select id from gone)
