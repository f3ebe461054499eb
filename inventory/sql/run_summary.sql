-- Sums up the events of run $2 of tenant $1 between $3 and $4. Whatever sluice.events brings may have any
-- payload: only numbers count, and none too large to add. The sub-selects are kept apart
-- (offset 0): each member is read once, and what is sorted for the percentiles is without payloads.
select event_type, count(*) as events, min(occurred_at) as first, max(occurred_at) as last, sum(n)::bigint as n, sum(bytes)::bigint as bytes,
  avg(ms) as mean, percentile_disc(array[0.5, 0.95]) within group (order by ms) as percentiles, max(ms) as most,
  min(received collate "C") as received, max(received collate "C") as done
from (
  select event_type, occurred_at, received,
    case when jsonb_typeof(n) = 'number' then least(greatest(n::numeric, 0), 1e12)::bigint end as n,
    case when jsonb_typeof(bytes) = 'number' then least(greatest(bytes::numeric, 0), 1e12)::bigint end as bytes,
    case when jsonb_typeof(ms) = 'number' then least(greatest(ms::numeric, 0), 1e12)::float8 end as ms
  from (
    select event_type, occurred_at, payload -> 'count' as n, payload -> 'bytes' as bytes, payload -> 'duration_ms' as ms, payload ->> 'received_at' as received
    from ingest.scan_run_event
    where tenant_id = $1 and scan_run_id = $2 and occurred_at >= $3 and occurred_at <= $4 offset 0) as members
  offset 0) as e
group by event_type
