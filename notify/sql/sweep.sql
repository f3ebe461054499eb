-- As look.sql, of all open findings of tenant $1: for those that come to meet the conditions of rule $2 by KEV, EPSS or a tag, and at a
-- rule's first look. Those that were seen first before $10 are noted and not counted. As opened count those that were seen
-- first since $3, the others as matched.
with found as materialized (
-- include found
    $10::timestamptz is null or f.first_seen >= $10 as loud,
    case when f.first_seen >= $3::timestamptz then 'opened' else 'matched' end as event
  from vex.open_findings f
  where f.tenant_id = $1 and
-- include conditions
-- include untold
)
-- include note
