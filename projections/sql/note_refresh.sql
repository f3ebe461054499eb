-- When a view was refreshed last, and how long that took.
update vex.view_refresh set refreshed_at = now(), duration_ms = $2 where view_name = $1
