-- Only what somebody sends on: see core.outbox_route.
insert into core.outbox (tenant_id, aggregate_type, topic, payload)
select $1, 'batch', o.topic, o.payload::jsonb
from t_outbox o join core.outbox_route r on r.name = o.topic
where r.enabled or o.always
order by o.ordinal
