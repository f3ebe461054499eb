-- For people. Seen by the policy of the tenant itself, by whoever has found its id by a token.
select name from authority.tenant where tenant_id = $1
