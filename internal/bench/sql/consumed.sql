-- How many messages of a consumer group are stored; its topics are new, so their offsets count them.
select coalesce(sum(next_offset), 0)::bigint from ingest.kafka_offset where consumer_group = $1
