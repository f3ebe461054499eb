-- The packages of tenant $1 that a purl may mean: the one with the id $2, and those of its name ($3).
select purl from vex.package where tenant_id = $1 and id = $2
union
select purl from vex.package where tenant_id = $1 and name_key = $3
order by 1
