-- The client $2 of tenant $1, and the hashes by which it may show itself: while a secret is being
-- replaced, the one before too.
select id, client_id, scopes, is_active, secret_hash, case when previous_until > now() then previous_hash end as previous_hash
from authority.oauth_client where tenant_id = $1 and client_id = $2
