-- So many documents ($6, 0 for all) of the messages at $5 are stored ahead, as long as the topic partition is
-- ours: whoever takes it over waits for this transaction, and no row means that somebody has.
with mine as materialized (
  select from ingest.kafka_offset where consumer_group = $1 and topic = $2 and topic_partition = $3 and epoch = $4 for share
)
insert into ingest.kafka_ahead (consumer_group, topic, topic_partition, message_offset, next_entry, fingerprint)
select $1, $2, $3, m.at, m.entry, m.sum from unnest($5::bigint[], $6::int[], $7::bytea[]) as m (at, entry, sum)
where exists (select from mine)
on conflict (consumer_group, topic, topic_partition, message_offset) do update set next_entry = excluded.next_entry, fingerprint = excluded.fingerprint
