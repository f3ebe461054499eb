-- How many rows wait per topic, counted up to $1 in all, and for how long the oldest.
select topic, count(*), extract(epoch from greatest(clock_timestamp() - min(created_at), '0'))::float8
from (select topic, created_at from core.outbox where dispatched_at is null order by topic, seq limit $1) o
group by topic
