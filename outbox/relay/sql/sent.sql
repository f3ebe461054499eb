-- The brokers have all of these rows. True whoever says so and how often, so there is no
-- check of who leads now.
update core.outbox o
set dispatched_at = clock_timestamp(), dispatch_attempts = o.dispatch_attempts + 1, error = null, next_attempt_at = null
from unnest($1::uuid[], $2::bigint[]) as s (id, seq)
where o.id = s.id and o.seq = s.seq and o.dispatched_at is null
