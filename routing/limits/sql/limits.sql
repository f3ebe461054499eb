-- The limits of tenant $1 and those for all.
select id, tenant_id, key, limit_per_interval::bigint, unit, interval_seconds, updated_at from routing.rate_limit_config
where tenant_id in ($1, '00000000-0000-0000-0000-000000000000') order by key, tenant_id = $1 desc
