-- Takes a topic partition over: the epoch goes up, so that whoever had it before can move it no more. One that nobody
-- has read yet starts at $4.
insert into ingest.kafka_offset as o (consumer_group, topic, topic_partition, next_offset) values ($1, $2, $3, $4)
on conflict (consumer_group, topic, topic_partition) do update set epoch = o.epoch + 1, updated_at = now()
returning next_offset, next_entry, epoch, last_record, coalesce(last_offset, next_offset - 1), epoch > 1
