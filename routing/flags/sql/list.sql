-- The flags of a tenant and those for all, the tenant's own first.
select id, key, tenant_id, version, is_enabled, rules::text, updated_at from routing.feature_flag
where tenant_id in ($1, '00000000-0000-0000-0000-000000000000') order by key, tenant_id = $1 desc
