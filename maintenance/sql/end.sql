-- What came of a run: $2 is its error, null for none. A run that failed keeps the figures
-- of the last one that did not.
update core.maintenance set
  last_success = case when $2::text is null then clock_timestamp() else last_success end,
  last_error = $2,
  failures = failures + case when $2::text is null then 0 else 1 end,
  duration_ms = $3,
  rows = case when $2::text is null then $4 else rows end,
  bytes = case when $2::text is null then $5 else bytes end,
  what = case when $2::text is null then $6 else what end,
  updated_at = clock_timestamp()
where task = $1
