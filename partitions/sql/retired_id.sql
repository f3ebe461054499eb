-- The beginning of the row's id: two exports of partitions with one name have different files.
select left(id::text, 8) from core.retired_partition where relid = $1 and state = 'detached'
