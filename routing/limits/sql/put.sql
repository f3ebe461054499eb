-- Sets a limit.
insert into routing.rate_limit_config as c (tenant_id, key, limit_per_interval, unit, interval_seconds) values ($1, $2, $3, $4, $5)
on conflict (tenant_id, key) do update
  set limit_per_interval = excluded.limit_per_interval, unit = excluded.unit, interval_seconds = excluded.interval_seconds, updated_at = now()
returning id, tenant_id, key, limit_per_interval::bigint, unit, interval_seconds, updated_at
