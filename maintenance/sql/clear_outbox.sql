-- Up to $2 messages that were sent longer than $1 ago; the relay does the same while it runs.
delete from core.outbox
where dispatched_at is not null and ctid = any (array(
  select ctid from core.outbox where dispatched_at < clock_timestamp() - $1::interval order by dispatched_at limit $2))
