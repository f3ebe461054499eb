-- Takes the lead on job $1 for instance $2, called $3, as long as $4, where nobody else has it. The
-- token is part of a key: this waits for transactions that the one before is committing by it.
insert into core.lead as l (job, token, instance_id, instance_key, since, lease_until)
values ($1, 1, $2, $3, clock_timestamp(), clock_timestamp() + $4::interval)
on conflict (job) do update
set token = l.token + 1, instance_id = excluded.instance_id, instance_key = excluded.instance_key,
  since = clock_timestamp(), lease_until = clock_timestamp() + $4::interval, updated_at = clock_timestamp()
where l.lease_until <= clock_timestamp() or l.instance_id = excluded.instance_id
returning token
