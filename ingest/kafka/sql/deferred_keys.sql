-- The keys of a topic partition of which a message waits: later ones wait for it.
select distinct key_hash from ingest.deferred where consumer_group = $1 and topic = $2 and topic_partition = $3 and key_hash is not null
