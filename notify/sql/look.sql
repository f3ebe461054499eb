-- The open findings of tenant $1 that meet the conditions of rule $2 ($4 to $8) and that it has not told of, and notes
-- that it has: of those that were seen first since $3, or that something came of since then. Two ways, for a finding that was
-- suppressed keeps the time at which it was seen first. Returns counts, and as JSON the $9 that matter most.
--
-- A finding that got another name has been told of under the one it had, which is an alias now.
with recent as materialized (
  select artifact_id, package_id, vuln_id, bool_or(reopened) as reopened, bool_or(opened) as opened
  from (
    select n.artifact_id, n.package_id, n.vuln_id, false as reopened, true as opened
    from vex.open_findings n where n.tenant_id = $1 and n.first_seen >= $3::timestamptz
    union all
    select h.artifact_id, h.package_id, h.vuln_id, h.event = 'reopened', false
    from vex.finding_history h where h.tenant_id = $1 and h.at >= $3 and h.event in ('reopened', 'renamed', 'changed')
  ) as n
  group by 1, 2, 3
), found as materialized (
-- include found
    true as loud,
    case when n.reopened then 'reopened' when n.opened then 'opened' else 'matched' end as event
  from recent n
  join vex.open_findings f on f.tenant_id = $1 and f.artifact_id = n.artifact_id and f.package_id = n.package_id and f.vuln_id = n.vuln_id
  where
-- include conditions
-- include untold
)
-- include note
