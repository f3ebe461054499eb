-- A page of findings that were closed and are not there again, with the parameters of findings.sql. They are read from the
-- history: what they scored is what records say now.
with page as (
  select f.*, row_number() over () as ordinal from (
    select f.* from (
      select f.*,
-- include finding_grade
      as grade,
    case $22 when 'kev' then
-- include finding_kev
    when 'epss' then
-- include finding_epss
    end::float8 as value
      from (
-- include finding_closed
      ) as f
    ) as f
    where
-- include finding_filters
    and
-- include finding_after
    and
-- include finding_after_value
    order by
-- include finding_order_value
-- include finding_order
    limit least($20::bigint, $21::bigint)
  ) as f
)
select p.artifact_id, p.package_id, p.grade, p.points, p.value, p.status, p.artifact_purl, p.package_purl, p.vuln_id, '{}'::text[], '{}'::text[], p.score, p.severity, p.fixed_versions,
  p.vex, null::jsonb, p.first_seen, p.at, p.reason, k.listed, k.date_added, k.due_date, coalesce(k.ransomware, false), e.score, e.percentile, e.score_date
from page p
-- include finding_exploited
order by p.ordinal
