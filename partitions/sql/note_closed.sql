-- Partitions until $2 have ended and are summarized.
update core.partition_policy set closed_until = $2 where parent = $1
