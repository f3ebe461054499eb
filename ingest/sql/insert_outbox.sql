-- Only what somebody sends on: see core.outbox_route.
insert into core.outbox (tenant_id, aggregate_type, topic, payload)
select $1, 'batch', o.topic, o.payload::jsonb
from unnest($2::int[], $3::text[], $4::text[], $5::boolean[]) as o (ordinal, topic, payload, always)
join core.outbox_route r on r.name = o.topic
where r.enabled or o.always
order by o.ordinal
