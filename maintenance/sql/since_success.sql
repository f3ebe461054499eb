-- How long ago the task last succeeded, on any process; null: never.
select clock_timestamp() - last_success from core.maintenance where task = $1
