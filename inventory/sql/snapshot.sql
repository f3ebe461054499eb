-- The server's time, and the oldest transaction that still ran when this one took its snapshot:
-- what that one writes is not seen yet.
select now(), pg_snapshot_xmin(pg_current_snapshot())::xid::text
