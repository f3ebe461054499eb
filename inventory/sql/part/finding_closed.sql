select 'closed' as status, c.artifact_id, c.artifact_purl, c.package_id, p.purl collate "C" as package_purl, c.vuln_id, c.reason, c.at,
  r.score, coalesce(r.score, (-1)::smallint) as points, coalesce(r.severity, '') as severity,
  coalesce((select min(o.at) from vex.finding_history o
    where o.tenant_id = $1 and (o.artifact_id, o.package_id, o.vuln_id) = (c.artifact_id, c.package_id, c.vuln_id)), c.at) as first_seen, '{}'::text[] as fixed_versions, null::jsonb as vex, jsonb_build_object('ecosystem', p.ecosystem) as evidence
from (
  select distinct on (h.artifact_id, h.package_id, h.vuln_id) h.artifact_id, h.artifact_purl, h.package_id, h.vuln_id, h.reason, h.at
  from vex.finding_history h
  where h.tenant_id = $1 and h.event = 'closed' and $2 = 'closed' and ($3 = '' or h.vuln_id = any ($4::text[])) and ($5 = '' or h.artifact_purl = $5)
  order by h.artifact_id, h.package_id, h.vuln_id, h.at desc
) as c
join vex.package p on p.tenant_id = $1 and p.id = c.package_id
left join lateral (
  select v.score, v.severity from vex.vuln_fact v
  where v.tenant_id = any (array[$1, core.shared_tenant()]) and v.external_id = any (array(
    select c.vuln_id union select a.alias from vex.vuln_alias a where a.tenant_id = any (array[$1, core.shared_tenant()]) and a.vuln_id = c.vuln_id))
  order by v.score desc nulls last, v.severity, v.id limit 1
) as r on true
where not exists (select from vex.open_findings o where o.tenant_id = $1 and (o.artifact_id, o.package_id, o.vuln_id) = (c.artifact_id, c.package_id, c.vuln_id))
  and not exists (select from vex.suppressed_findings s where s.tenant_id = $1 and (s.artifact_id, s.package_id, s.vuln_id) = (c.artifact_id, c.package_id, c.vuln_id))
