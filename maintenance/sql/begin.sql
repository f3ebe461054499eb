-- Notes that a task has begun: one that never ends shows in the table.
insert into core.maintenance as m (task, last_started) values ($1, clock_timestamp())
on conflict (task) do update set last_started = clock_timestamp(), updated_at = clock_timestamp()
