-- When the statistics of the whole were made last.
update core.partition_policy set analyzed_at = $2 where parent = $1
