-- Every package that is in a current document, or was matched before, is matched against all records, 20
-- packages in each job. What only an old document lists is matched when a record comes or when a document
-- with it is the current one.
insert into core.job_queue (tenant_id, kind, payload, dedup_key)
select $1, 'package', jsonb_build_object('packages', jsonb_agg(package_id order by package_id)), 'rebuild'
from (
  select package_id, row_number() over (order by package_id) as n
  from (
    select package_id from ingest.sbom_component where tenant_id = $1 and package_id is not null
    union
    select package_id from vex.package_vuln where tenant_id = $1
  ) as d
) as p
group by (n - 1) / 20 order by min(n)
