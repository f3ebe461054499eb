-- Takes the row of a key for a new process, unless one that lives has it. $7 is the silence after
-- which a process counts as gone.
insert into routing.instance as i (tenant_id, id, instance_key, domain, program, parts, status, started_at, last_heartbeat, updated_at)
values ($1, $2, $3, $4, $5, $6, 'active', clock_timestamp(), clock_timestamp(), clock_timestamp())
on conflict (tenant_id, instance_key) do update
set id = excluded.id, domain = excluded.domain, program = excluded.program, parts = excluded.parts, status = 'active',
  started_at = clock_timestamp(), last_heartbeat = clock_timestamp(), updated_at = clock_timestamp()
where i.status = 'offline' or i.last_heartbeat < clock_timestamp() - $7::interval
