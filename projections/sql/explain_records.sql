-- The newest version of each record of the vulnerability with the ids $2, and of those that cover package $3 under one of them, with
-- its entries: about says that an entry names one of the keys $4. Of the tenant and of the shared feed.
with asked as (
  select f.tenant_id, f.external_id from vex.vuln_fact f
  where f.tenant_id = any (array[$1::uuid, core.shared_tenant()]) and f.external_id = any ($2::text[])
  union
  select f.tenant_id, f.external_id from vex.package_vuln v
  join vex.vuln_fact f on f.tenant_id = any (array[$1, core.shared_tenant()]) and f.id = v.fact_id
  where v.tenant_id = $1 and v.package_id = $3::uuid and v.vuln_id = any ($2)
), newest as (
  select n.* from asked k
  cross join lateral (
    select f.* from vex.vuln_fact f where f.tenant_id = k.tenant_id and f.external_id = k.external_id
    order by f.modified desc nulls last, f.content_hash desc limit 1) as n
)
select n.tenant_id, n.id, a.ordinal, coalesce(a.match_key = any ($4::text[]), false), coalesce(a.is_current, false), n.external_id, n.source, n.summary,
  'sha256:' || encode(n.content_hash, 'hex'), n.modified, n.withdrawn, coalesce(a.score, n.score), case when a.score is not null or a.severity <> '' then a.severity else n.severity end
from newest n
left join vex.vuln_affected a on a.tenant_id = n.tenant_id and a.fact_id = n.id
order by n.external_id, n.tenant_id, a.ordinal
