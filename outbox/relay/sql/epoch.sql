-- The epoch of a leader, one higher than any before: who led until now is refused by the
-- brokers from the first batch of the new one on. $2 is a producer id that nobody has, for a cluster
-- that there is none of yet, or whose epochs are used up.
insert into core.outbox_producer as p (cluster, producer_id, epoch) values ($1, $2, 0)
on conflict (cluster) do update
set producer_id = case when p.epoch = 32767 then excluded.producer_id else p.producer_id end,
  epoch = case when p.epoch = 32767 then 0 else p.epoch + 1 end,
  updated_at = clock_timestamp()
returning producer_id, epoch
