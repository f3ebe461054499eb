-- The decisions in force on package $2 about the vulnerability that has the ids $3, under a lock.
select d.id, d.vuln_id, to_jsonb(d) as before from vex.vex_decision d
where d.tenant_id = $1 and d.package_id = $2 and d.vuln_id in (select unnest($3::text[])) and d.status is not null
order by d.vuln_id
for update
