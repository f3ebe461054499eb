-- What to look at first in tenant $1: $2 rows of the triage queue, those that came since $3 marked; with $4 only those.
select vuln_id, package_purl, score, severity, kev, epss, fix_available, exposed, artifacts, under_investigation, first_seen, priority,
       first_seen >= $3 as is_new
from vex.triage_queue
where tenant_id = $1 and (not $4 or first_seen >= $3)
order by priority desc, epss desc nulls last, score desc nulls last, artifacts desc, vuln_id, package_id
limit nullif($2::bigint, 0)
