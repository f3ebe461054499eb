-- Rows of both tables of findings that an index can lead to; the planner knows the parameters and
-- drops what is not asked for.
select 'open' as status,
-- include finding_columns
from vex.open_findings f
where $2 <> 'suppressed' and
-- include finding_bounds
union all
select 'suppressed',
-- include finding_columns
from vex.suppressed_findings f
where $2 <> 'open' and
-- include finding_bounds
