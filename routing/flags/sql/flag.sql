-- One flag of a tenant, kept as it is until the end of the transaction.
select id, key, tenant_id, version, is_enabled, rules::text, updated_at from routing.feature_flag where tenant_id = $1 and key = $2 for update
