-- Current facts, the tenant's own and the shared ones, that speak of these keys. The tenants
-- are spelled out so that the index is used: row security alone would make it an OR.
select a.tenant_id, a.fact_id, a.ordinal, a.match_key, a.ecosystem, a.name, a.ranges, a.versions, a.fixed_versions,
       coalesce(a.score, f.score), case when a.score is not null or a.severity <> '' then a.severity else f.severity end,
       f.external_id, f.source, f.names
from vex.vuln_affected a
join vex.vuln_fact f on f.tenant_id = a.tenant_id and f.id = a.fact_id
where a.tenant_id = any (array[$1::uuid, '00000000-0000-0000-0000-000000000000'::uuid]) and a.match_key = any ($2) and a.is_current
order by f.external_id, f.content_hash, a.tenant_id, a.fact_id, a.ordinal
