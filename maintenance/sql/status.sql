-- How each task went last, on whatever process.
select task, last_started, last_success, coalesce(last_error, ''), coalesce(duration_ms, 0), rows, bytes, what, failures
from core.maintenance order by task
