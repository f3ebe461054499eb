-- Takes out what rule $2 of tenant $1 has told of and that is open no more: with $3 of what was closed since then, without,
-- of all. Returns counts, and as JSON the $4 that matter most with what was said of them last.
with gone as (
  delete from routing.notify_told t
  where t.tenant_id = $1 and t.rule_id = $2
    and ($3::timestamptz is null or (t.artifact_id, t.package_id) in (
      select h.artifact_id, h.package_id from vex.finding_history h
      where h.tenant_id = $1 and h.at >= $3 and h.event in ('closed', 'suppressed')))
    and not exists (
      select from vex.open_findings f
      where f.tenant_id = $1 and f.artifact_id = t.artifact_id and f.package_id = t.package_id
        and (f.vuln_id = t.vuln_id or t.vuln_id = any (f.aliases)))
  returning t.artifact_id, t.package_id, t.vuln_id, t.severity,
    array_position(array['', 'none', 'low', 'medium', 'high', 'critical'], t.severity) - 1 as grade
)
select count(*), count(distinct artifact_id), 0::bigint,
  array[count(*) filter (where grade = 0), count(*) filter (where grade = 1), count(*) filter (where grade = 2),
        count(*) filter (where grade = 3), count(*) filter (where grade = 4), count(*) filter (where grade = 5)],
  coalesce((
    select json_agg(json_build_object('event', coalesce(h.event, 'closed'), 'artifact', a.purl, 'package', p.purl, 'vulnerability', g.vuln_id,
        'status', coalesce(h.event, 'closed'), 'severity', g.severity, 'reason', h.reason))
    from (select * from gone order by grade desc, vuln_id, package_id, artifact_id limit $4::bigint) as g
    join artifact.artifact a on a.tenant_id = $1 and a.id = g.artifact_id
    join vex.package p on p.tenant_id = $1 and p.id = g.package_id
    left join lateral (
      select h.event, h.reason from vex.finding_history h
      where h.tenant_id = $1 and h.artifact_id = g.artifact_id and h.package_id = g.package_id and h.vuln_id = g.vuln_id and h.event in ('closed', 'suppressed')
      order by h.at desc limit 1
    ) as h on true), '[]')::text
from gone
