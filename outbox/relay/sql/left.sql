-- Rows of which something remains to be sent: the messages that do ($4; null: all), and why.
-- A relay that led before and comes late must not put messages back or take any away, so
-- each row must be as it was claimed.
update core.outbox o
set payload = coalesce(l.payload::jsonb, o.payload), dispatch_attempts = o.dispatch_attempts + 1,
  error = l.error, next_attempt_at = clock_timestamp() + l.pause
from unnest($1::uuid[], $2::bigint[], $3::int[], $4::text[], $5::text[], $6::interval[]) as l (id, seq, attempts, payload, error, pause)
where o.id = l.id and o.seq = l.seq and o.dispatch_attempts = l.attempts and o.dispatched_at is null
