-- Who made decision $3 on package $2: his login, or the id that was given for him.
select coalesce(u.subject, d.decided_by::text, '')
from (
  select id, decided_by from vex.vex_decision where tenant_id = $1 and package_id = $2
  union all
  select id, decided_by from vex.artifact_decision where tenant_id = $1 and package_id = $2
) as d
left join authority."user" u on u.tenant_id = $1 and u.id = d.decided_by
where d.id = $3
