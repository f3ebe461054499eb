-- Whether there are $20 findings or more, with the parameters of findings.sql; $21 are looked at.
select count(*) >= $20::bigint
from (
  select from (
-- include finding_rows
  ) as f
  where
-- include finding_bounds
and
-- include finding_filters
  limit $21::bigint
) as f
