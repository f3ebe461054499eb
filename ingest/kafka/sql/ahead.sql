-- What is stored of messages behind the place of a topic partition.
select message_offset, next_entry, fingerprint from ingest.kafka_ahead
where consumer_group = $1 and topic = $2 and topic_partition = $3 and message_offset >= $4
