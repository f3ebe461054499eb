-- Which version of each record counts is decided again, for 20 records in each job.
insert into core.job_queue (tenant_id, kind, payload, dedup_key)
select $1, 'fact', jsonb_build_object('ids', jsonb_agg(external_id order by external_id)), 'rebuild'
from (
  select external_id, row_number() over (order by external_id) as n
  from (select distinct external_id from vex.vuln_fact where tenant_id = $1) as d
) as f group by (n - 1) / 20 order by min(n)
