-- The open row of a table that is attached again.
delete from core.retired_partition where parent = $1 and relid = to_regclass($2)::oid and state = 'detached'
