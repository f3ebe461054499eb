-- Which versions of flags hold for tenant $1: its own, and those for all. Without the rules, which
-- are in memory or in Redis most likely: their hash says whether those are the right ones.
select tenant_id, key, version, is_enabled, encode(sha256(convert_to(rules::text, 'UTF8')), 'hex')
from routing.feature_flag where tenant_id in ($1, '00000000-0000-0000-0000-000000000000')
