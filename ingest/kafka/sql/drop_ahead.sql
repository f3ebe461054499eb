-- The place is behind these now; or, with $5, the messages are no more.
delete from ingest.kafka_ahead
where consumer_group = $1 and topic = $2 and topic_partition = $3 and (message_offset < $4 or $5::boolean)
