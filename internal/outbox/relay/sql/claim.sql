-- The next rows of topic $1 after seq $2, in order: as many as weigh up to $3, where a batch
-- weighs $4 and a single message 1, and as take up to $5 bytes as stored, but at least one.
-- Nothing is locked: only the relay that holds the leader's lock sends.
select id, seq, tenant_id, aggregate_type, aggregate_id, payload, created_at, dispatch_attempts
from (
  select o.*, row_number() over w as place, sum(pg_column_size(o.payload)) over w as bytes,
    sum(case o.aggregate_type when 'batch' then $4::int else 1 end) over w as weight
  from (
    select * from core.outbox where dispatched_at is null and topic = $1 and seq > $2 order by seq limit $3::int
  ) o
  window w as (order by o.seq rows unbounded preceding)
) o
where place = 1 or (weight <= $3::int and bytes <= $5::bigint)
order by seq
