-- The next message that waits and is due, and the first of its key, for as long as $4; nobody
-- else takes it up until then. One that names a document goes to whoever may fetch documents ($2), or, once it
-- has waited for $3, to anybody, who parks it.
with head as (
  select d.id from ingest.deferred d
  where d.consumer_group = $1 and d.due_at <= clock_timestamp() and (d.lease_until is null or d.lease_until < clock_timestamp())
    and ($2::boolean or d.reference = '' or d.created_at < clock_timestamp() - $3::interval)
    and not exists (
      select from ingest.deferred e
      where e.consumer_group = d.consumer_group and e.topic = d.topic and e.topic_partition = d.topic_partition and e.key_hash = d.key_hash and e.id < d.id)
  order by d.due_at, d.id limit 1
  for update skip locked
)
update ingest.deferred d
set lease_token = gen_random_uuid(), lease_until = clock_timestamp() + $4::interval, attempts = d.attempts + 1, tried_at = coalesce(d.tried_at, clock_timestamp())
from head where d.id = head.id
returning d.id, d.topic, d.topic_partition, d.message_offset, d.next_entry, d.message_key, d.message_value, d.header_names, d.header_values,
  d.message_time, d.reference, d.attempts, d.lease_token, d.tried_at < clock_timestamp() - $3::interval
