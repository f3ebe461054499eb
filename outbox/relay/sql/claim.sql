-- The next rows of topic $1 after seq $2, in order: up to $3, and as many as take up to $4
-- bytes, but at least one. The payload is stored uncompressed, so its size is known without
-- reading it. Nothing is locked: only the relay that leads sends.
select id, seq, tenant_id, aggregate_type, aggregate_id, payload, created_at, dispatch_attempts
from (
  select o.*, row_number() over w as place, sum(pg_column_size(o.payload)) over w as bytes
  from (
    select * from core.outbox where dispatched_at is null and topic = $1 and seq > $2 order by seq limit $3::int
  ) o
  window w as (order by o.seq rows unbounded preceding)
) o
where place = 1 or bytes <= $4::bigint
order by seq
