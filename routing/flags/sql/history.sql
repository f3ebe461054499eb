-- The versions of a flag, or of all flags of a tenant, the newest first.
select key, version, is_enabled, is_deleted, rules::text, changed_at, changed_by, login
from routing.feature_flag_history where tenant_id = $1 and ($2 = '' or key = $2)
order by changed_at desc, key, version desc limit $3
