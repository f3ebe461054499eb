-- What came of a pass over one table; $2 is its trouble.
update core.partition_policy
set last_success = case when $2::text is null then $3 else last_success end, last_error = $2, updated_at = clock_timestamp()
where parent = $1
