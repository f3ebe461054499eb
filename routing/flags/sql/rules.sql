-- The flags $2 of tenant $1 and those for all, with their rules.
select tenant_id, key, version, is_enabled, rules::text
from routing.feature_flag where tenant_id in ($1, '00000000-0000-0000-0000-000000000000') and key = any ($2)
