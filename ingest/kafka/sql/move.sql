-- Moves the place, if it is where we believe and still ours: no row means neither.
update ingest.kafka_offset set next_offset = $4, next_entry = $5, updated_at = now(),
  last_record = coalesce($6, last_record), last_offset = case when $6::bytea is null then coalesce(last_offset, $8 - 1) else $10 end
where consumer_group = $1 and topic = $2 and topic_partition = $3 and epoch = $7 and next_offset = $8 and next_entry = $9
