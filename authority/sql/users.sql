-- The users of tenant $1, or the one with subject $2, with the roles that they have.
select u.id, u.subject, u.issuer, coalesce(u.display_name, '') as display_name, coalesce(u.email, '') as email, u.is_active, u.created_at,
       coalesce((select array_agg(r.name order by r.name) from authority."grant" g
                 join authority.role r on r.tenant_id = g.tenant_id and r.id = g.role_id
                 where g.tenant_id = u.tenant_id and g.user_id = u.id), '{}') as roles
from authority."user" u
where u.tenant_id = $1 and ($2::text is null or u.subject = $2)
order by u.subject
