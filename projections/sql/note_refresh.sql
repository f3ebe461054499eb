-- When a view was refreshed last, how long that took, and with which feeds.
update vex.view_refresh set refreshed_at = now(), duration_ms = $2, feeds = $3 where view_name = $1
