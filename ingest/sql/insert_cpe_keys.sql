-- CPEs by which packages are looked up too, where the tenant has that switched on. A package that
-- was there before this transaction may have been matched without: it is matched again. One that came with this
-- transaction is matched with what lists it.
with added as (
  insert into vex.package_key (tenant_id, match_key, package_id)
  select $1, match_key, package_id from unnest($2::text[], $3::uuid[]) as t (match_key, package_id) order by match_key, package_id
  on conflict do nothing
  returning package_id
)
insert into core.job_queue (tenant_id, kind, payload, dedup_key)
select $1, 'package', jsonb_build_object('cpe', true, 'packages', jsonb_agg(package_id order by package_id)), 'cpe'
from (
  select package_id, row_number() over (order by package_id) as n
  from (select distinct a.package_id from added a join vex.package p on p.tenant_id = $1 and p.id = a.package_id where p.created_at <> now()) as d
) as p
group by (n - 1) / 100 order by min(n)
