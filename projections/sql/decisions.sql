-- The newest first; the name breaks a tie, of which there can be only one per package.
select d.id, d.package_id, d.vuln_id, d.status, coalesce(d.rationale, ''), coalesce(d.proof_ref, ''), d.decided_at
from unnest($2::uuid[]) as k (package)
cross join lateral (select * from vex.vex_decision where tenant_id = $1 and package_id = k.package and status is not null offset 0) as d
where d.vuln_id in (select unnest($3::text[]))
order by d.decided_at desc, d.vuln_id
