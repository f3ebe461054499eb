select id, package_id, vuln_id, status, coalesce(rationale, ''), coalesce(proof_ref, ''), decided_at
from vex.vex_decision where tenant_id = $1 and package_id = any ($2) and vuln_id = any ($3) and status is not null
order by decided_at desc, vuln_id
