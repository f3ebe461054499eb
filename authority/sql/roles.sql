-- The roles of tenant $1, or the one named $2, and how many users have each.
select r.id, r.name, r.permissions, r.created_at,
       (select count(*) from authority."grant" g where g.tenant_id = r.tenant_id and g.role_id = r.id) as users
from authority.role r
where r.tenant_id = $1 and ($2::text is null or r.name = $2)
order by r.name
