-- Every vulnerability that anything is found by, or was, is looked at again, 4 in each job.
insert into core.job_queue (tenant_id, kind, payload, dedup_key)
select $1, 'match', jsonb_build_object('vulns', jsonb_agg(vuln_id order by vuln_id)), 'rebuild'
from (
  select vuln_id, row_number() over (order by vuln_id) as n
  from (
    select vuln_id from vex.package_vuln where tenant_id = $1
    union
    select vuln_id from vex.open_findings where tenant_id = $1
    union
    select vuln_id from vex.suppressed_findings where tenant_id = $1
    union
    select vuln_id from vex.vex_decision where tenant_id = $1
    union
    select vuln_id from vex.artifact_decision where tenant_id = $1
  ) as d
) as v group by (n - 1) / 4 order by min(n)
