-- Which statements decide a finding of these vulnerabilities, and which lost one.
select f.vex ->> 'statement_id', coalesce(f.vex -> 'superseded', '[]'::jsonb)
from vex.open_findings f where f.tenant_id = $1 and f.vuln_id = any ($2) and f.vex is not null
union all
select f.vex ->> 'statement_id', coalesce(f.vex -> 'superseded', '[]'::jsonb)
from vex.suppressed_findings f where f.tenant_id = $1 and f.vuln_id = any ($2)
