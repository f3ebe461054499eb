-- The clients of tenant $1, or the one with id $2.
select id, client_id, scopes, issuer, coalesce(subject, '') as subject, is_active, secret_hash is not null as has_secret,
       case when previous_until > now() then previous_until end as previous_until, created_at
from authority.oauth_client
where tenant_id = $1 and ($2::text is null or client_id = $2)
order by client_id
