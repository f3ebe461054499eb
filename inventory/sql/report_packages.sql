-- The packages of tenant $1 with most open findings, $2 at most, by the triage queue: it has one row per
-- vulnerability and package, however many artifacts there are.
select package_purl as name, sum(artifacts)::bigint as findings, count(*) as vulnerabilities, max(artifacts) as artifacts,
       (array_agg(severity order by priority % 10000 / 100 % 10 desc))[1] as worst, bool_or(kev) as kev, bool_and(fix_available) as fix
from vex.triage_queue where tenant_id = $1
group by package_id, package_purl order by 2 desc, 1 limit $2
