-- What clear_outbox.sql would delete, for a dry run.
select count(*) from core.outbox where dispatched_at < clock_timestamp() - $1::interval
