-- Current facts, the tenant's own and the shared ones, that speak of these keys. Their ranges are
-- apart, in load_ranges: most are known already, and some list thousands of versions.
select a.tenant_id, a.fact_id, a.ordinal, a.match_key,
       coalesce(a.score, f.score), case when a.score is not null or a.severity <> '' then a.severity else f.severity end,
       f.external_id, f.source, f.names
from unnest($2::text[]) as k (key)
cross join lateral (
  select * from vex.vuln_affected
  where tenant_id = any (array[$1::uuid, '00000000-0000-0000-0000-000000000000'::uuid]) and match_key = k.key and is_current
  offset 0) as a
cross join lateral (select * from vex.vuln_fact where tenant_id = a.tenant_id and id = a.fact_id offset 0) as f
order by f.external_id, f.content_hash, a.tenant_id, a.fact_id, a.ordinal
