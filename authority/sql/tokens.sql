-- The tokens of tenant $1 that were made by hand; of one user where $2 is not null. With $3 those
-- that are over too.
select t.id, u.subject as "user", t.name, t.hint, t.scopes, t.created_at, nullif(t.expires_at, 'infinity') as expires_at, t.last_used_at, t.revoked_at,
       t.expires_at <= now() as expired
from authority.oauth_token t
join authority."user" u on u.tenant_id = t.tenant_id and u.id = t.user_id
where t.tenant_id = $1 and ($2::text is null or u.subject = $2) and ($3 or coalesce(t.revoked_at > now(), true) and t.expires_at > now())
order by u.subject, t.name, t.created_at
