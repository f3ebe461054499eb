-- Deletes up to $2 rows that were sent longer than $1 ago.
delete from core.outbox o
using (
  select id, seq from core.outbox where dispatched_at < clock_timestamp() - $1::interval order by dispatched_at limit $2
) old
where o.id = old.id and o.seq = old.seq
