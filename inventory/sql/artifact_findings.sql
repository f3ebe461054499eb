-- What is found in artifact $2 of tenant $1: open and suppressed findings; of one that is retired those that its
-- retirement closed, which have their names only.
select 'open' as status, f.vuln_id, f.package_purl, p.name_key, f.severity, f.score, f.aliases
from vex.open_findings f join vex.package p on p.tenant_id = $1 and p.id = f.package_id
where f.tenant_id = $1 and f.artifact_id = $2
union all
select 'suppressed', f.vuln_id, f.package_purl, p.name_key, f.severity, f.score, f.aliases
from vex.suppressed_findings f join vex.package p on p.tenant_id = $1 and p.id = f.package_id
where f.tenant_id = $1 and f.artifact_id = $2
union all
select distinct 'retired', h.vuln_id, p.purl, p.name_key, '', null::smallint, '{}'::text[]
from artifact.artifact a
join vex.finding_history h on h.tenant_id = $1 and h.artifact_id = a.id and h.at >= a.retired_at
  and h.event = 'closed' and h.detail ->> 'why' = 'retired'
join vex.package p on p.tenant_id = $1 and p.id = h.package_id
where a.tenant_id = $1 and a.id = $2 and a.state = 'retired'
order by 2, 3
