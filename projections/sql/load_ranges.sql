-- What entries of records cover, by their keys.
select a.tenant_id, a.fact_id, a.ordinal, a.match_key, a.ecosystem, a.name, a.ranges, a.versions, a.fixed_versions
from unnest($1::uuid[], $2::uuid[], $3::int[]) as k (tenant, fact, ordinal)
cross join lateral (
  select * from vex.vuln_affected
  where tenant_id = k.tenant and fact_id = k.fact and ordinal = k.ordinal
  offset 0) as a
