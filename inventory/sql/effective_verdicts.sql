-- What is in force for each finding of tenant $1, or of artifact $2 alone ('' is all), as projected;
-- status is '' where nobody says anything. A statement's action stands in its row alone.
with f as (
  select artifact_purl, package_purl, vuln_id, vex from vex.open_findings where tenant_id = $1 and ($2 = '' or artifact_purl = $2)
  union all
  select artifact_purl, package_purl, vuln_id, vex from vex.suppressed_findings where tenant_id = $1 and ($2 = '' or artifact_purl = $2)
)
select f.artifact_purl as artifact, f.package_purl as package, f.vuln_id, coalesce(f.vex ->> 'status', '') as status, coalesce(f.vex ->> 'justification', '') as justification,
  case when s.id is not null then s.impact else coalesce(f.vex ->> 'impact', '') end as impact,
  case when s.id is not null then s.action else coalesce(f.vex ->> 'action', '') end as action,
  coalesce(f.vex ->> 'source', '') as source, coalesce(s.issuer, u.subject, d.decided_by::text, '') as by, (f.vex ->> 'time')::timestamptz as at,
  coalesce(f.vex ->> 'ticket', '') as ticket, case when f.vex ? 'decision_id' then coalesce(f.vex ->> 'detail', '') else '' end as proof,
  (f.vex ->> 'until')::timestamptz as until, coalesce(d.rationale, '') as rationale
from f
left join vex.vex_statement s on s.tenant_id = $1 and s.id = (f.vex ->> 'statement_id')::uuid
left join lateral (
  select decided_by, rationale from vex.vex_decision where tenant_id = $1 and id = (f.vex ->> 'decision_id')::uuid
  union all
  select decided_by, rationale from vex.artifact_decision where tenant_id = $1 and id = (f.vex ->> 'decision_id')::uuid
) as d on true
left join authority."user" u on u.tenant_id = $1 and u.id = d.decided_by
