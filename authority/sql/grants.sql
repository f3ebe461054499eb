-- Who has which role in tenant $1; of one user where $2 is not null.
select g.id, u.subject, r.name as role, r.permissions, g.created_at
from authority."grant" g
join authority."user" u on u.tenant_id = g.tenant_id and u.id = g.user_id
join authority.role r on r.tenant_id = g.tenant_id and r.id = g.role_id
where g.tenant_id = $1 and ($2::text is null or u.subject = $2)
order by u.subject, r.name
