select 'open' as status,
-- include finding_columns
from vex.open_findings f
union all
select 'suppressed',
-- include finding_columns
from vex.suppressed_findings f
