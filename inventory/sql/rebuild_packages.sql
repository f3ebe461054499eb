-- Every package is matched against all records, 20 packages in each job.
insert into core.job_queue (tenant_id, kind, payload, dedup_key)
select $1, 'package', jsonb_build_object('packages', jsonb_agg(id order by id)), 'rebuild'
from (select id, row_number() over (order by id) as n from vex.package where tenant_id = $1) as p
group by (n - 1) / 20 order by min(n)
