-- Where the place is and in which epoch: after a COMMIT whose answer got lost.
select next_offset, next_entry, epoch from ingest.kafka_offset
where consumer_group = $1 and topic = $2 and topic_partition = $3
