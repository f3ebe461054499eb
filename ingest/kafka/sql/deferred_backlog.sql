-- How many wait, and for how long the oldest.
select count(*), coalesce(extract(epoch from greatest(clock_timestamp() - min(created_at), '0')), 0)::float8 from ingest.deferred where consumer_group = $1
