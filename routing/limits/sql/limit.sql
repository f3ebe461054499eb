-- One limit of a tenant, kept as it is until the end of the transaction.
select id, tenant_id, key, limit_per_interval::bigint, unit, interval_seconds, updated_at from routing.rate_limit_config
where tenant_id = $1 and key = $2 for update
