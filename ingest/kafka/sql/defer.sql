-- A message that waits beside its topic partition, in the transaction that moves the place past it.
insert into ingest.deferred (consumer_group, topic, topic_partition, message_offset, next_entry, key_hash, message_key, message_value,
  header_names, header_values, message_time, reference, tried_at, due_at, attempts, error)
values ($1, $2, $3, $4, $5, sha256($6::bytea), $6, $7, $8, $9, $10, $11,
  case when $12 then clock_timestamp() end, clock_timestamp() + case when $12 then interval '1 second' else interval '0' end, case when $12 then 1 else 0 end, $13)
