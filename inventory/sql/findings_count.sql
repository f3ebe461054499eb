-- How many findings there are of each severity, with the parameters of findings.sql: $21 are counted, and no further.
select case f.grade when 5 then 'critical' when 4 then 'high' when 3 then 'medium' when 2 then 'low' when 1 then 'none' else '' end as severity, count(*)
from (
  select f.grade from (
-- include finding_rows
  ) as f
  where
-- include finding_bounds
and
-- include finding_filters
  limit least($20::bigint, $21::bigint)
) as f
group by 1
