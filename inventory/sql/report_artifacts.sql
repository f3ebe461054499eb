-- The artifacts of tenant $1 with most open findings, $2 at most.
select a.purl as name, f.findings, f.critical, f.high,
       coalesce((select string_agg(tag, ' ' order by tag) from artifact.tag t where t.tenant_id = $1 and t.artifact_id = a.id), '') as tags
from (
  select artifact_id, count(*) as findings, count(*) filter (where severity = 'critical') as critical, count(*) filter (where severity = 'high') as high
  from vex.open_findings where tenant_id = $1 group by 1
  order by 3 desc, 4 desc, 2 desc, 1 limit $2) as f
join artifact.artifact a on a.tenant_id = $1 and a.id = f.artifact_id
order by f.critical desc, f.high desc, f.findings desc, a.purl
