-- The token with hash $2 of tenant $1, what people call that, whose the token is, and what he may now: a role that was taken
-- away is missing from the next question on. By unique (tenant_id, token_hash). Whether it has
-- expired is said by the clock that the expiry was written with.
select t.id, t.token_hash, t.scopes, nullif(t.expires_at, 'infinity') as expires_at, t.expires_at <= now() as expired, coalesce(t.revoked_at <= now(), false) as revoked,
       coalesce(t.last_used_at < now() - interval '1 minute', true) as stale,
       coalesce(u.id, c.id) as owner, coalesce(u.subject, c.client_id) as name, u.id is not null as is_user,
       coalesce(u.is_active, c.is_active) as is_active, coalesce(g.roles, '{}') as roles, coalesce(c.scopes, g.permissions, '{}') as permissions,
       coalesce(n.name, '') as tenant
from authority.oauth_token t
left join authority.tenant n on n.tenant_id = t.tenant_id
left join authority."user" u on u.tenant_id = t.tenant_id and u.id = t.user_id
left join authority.oauth_client c on c.tenant_id = t.tenant_id and c.id = t.oauth_client_id
left join lateral (
  select array_agg(distinct r.name order by r.name) as roles, array_agg(distinct p order by p) filter (where p is not null) as permissions
  from authority."grant" g
  join authority.role r on r.tenant_id = g.tenant_id and r.id = g.role_id
  left join unnest(r.permissions) p on true
  where g.tenant_id = t.tenant_id and g.user_id = t.user_id
) g on true
where t.tenant_id = $1 and t.token_hash = $2 and num_nonnulls(u.id, c.id) = 1
