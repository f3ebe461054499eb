-- Messages that will never come, and where.
insert into ingest.kafka_gap (consumer_group, topic, topic_partition, reason, expected_offset, found_offset, message)
values ($1, $2, $3, $4, $5, $6, $7)
