-- Whether a message of this key waits still.
select exists (select from ingest.deferred where consumer_group = $1 and topic = $2 and topic_partition = $3 and key_hash = $4)
