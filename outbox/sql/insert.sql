-- Rows of one tenant in the order in which they are given: the order of their inserts is the
-- order in which they are sent. $4 says what a row holds.
insert into core.outbox (tenant_id, aggregate_type, topic, payload)
select $1, $4, r.topic, r.payload::jsonb
from unnest($2::text[], $3::text[]) with ordinality as r (topic, payload, place)
order by r.place
