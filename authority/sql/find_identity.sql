-- The user or the client of tenant $1 whom $2 knows as $3, and what he may now. A user goes before a
-- client of the same name.
select u.id as owner, u.subject as name, true as is_user, u.is_active, coalesce(g.roles, '{}') as roles, coalesce(g.permissions, '{}') as permissions,
       coalesce((select name from authority.tenant where tenant_id = $1), '') as tenant
from authority."user" u
left join lateral (
  select array_agg(distinct r.name order by r.name) as roles, array_agg(distinct p order by p) filter (where p is not null) as permissions
  from authority."grant" g
  join authority.role r on r.tenant_id = g.tenant_id and r.id = g.role_id
  left join unnest(r.permissions) p on true
  where g.tenant_id = u.tenant_id and g.user_id = u.id
) g on true
where u.tenant_id = $1 and u.issuer = $2 and u.subject = $3
union all
select c.id, c.client_id, false, c.is_active, '{}', c.scopes, coalesce((select name from authority.tenant where tenant_id = $1), '')
from authority.oauth_client c
where c.tenant_id = $1 and c.issuer = $2 and c.subject = $3
order by is_user desc limit 1
