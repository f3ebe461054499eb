-- Open findings of tenant $1 in one reading: by severity and age, and the artifacts with most of them, $2 at most,
-- which have a name.
with counted as materialized (
  select artifact_id, case when severity in ('critical', 'high', 'medium', 'low') then severity else 'unrated' end as severity,
         case when first_seen > now() - interval '7 days' then 0 when first_seen > now() - interval '30 days' then 1
              when first_seen > now() - interval '90 days' then 2 when first_seen > now() - interval '365 days' then 3 else 4 end as age,
         count(*) as findings
  from vex.open_findings where tenant_id = $1 group by 1, 2, 3
), worst as (
  select artifact_id, sum(findings)::bigint as findings, coalesce(sum(findings) filter (where severity = 'critical'), 0)::bigint as critical,
         coalesce(sum(findings) filter (where severity = 'high'), 0)::bigint as high
  from counted group by 1
  order by 3 desc, 4 desc, 2 desc, 1 limit $2
)
select '' as name, severity, age, sum(findings)::bigint as findings, 0::bigint as critical, 0::bigint as high, '' as tags
from counted group by 2, 3
union all
select * from (
  select a.purl, '', 0, w.findings, w.critical, w.high,
         coalesce((select string_agg(tag, ' ' order by tag) from artifact.tag t where t.tenant_id = $1 and t.artifact_id = a.id), '')
  from worst w join artifact.artifact a on a.tenant_id = $1 and a.id = w.artifact_id
  order by w.critical desc, w.high desc, w.findings desc, a.purl
) as w
