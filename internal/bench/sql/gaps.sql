-- Messages that were not to be had any more: a measurement with some measures nothing.
select count(*) from ingest.kafka_gap where consumer_group = $1
