-- Changes what is given, and leaves what is null.
update core.partition_policy set
  step = coalesce($2, step),
  -- A step at once makes an end of a change that was to come.
  next_step = case when $2::text is null then coalesce($3, next_step) end,
  next_step_from = case when $2::text is null then coalesce($4, next_step_from) end,
  premake = coalesce($5, premake), behind = coalesce($6, behind),
  premake_for = coalesce($7::text::interval, premake_for), max_past = coalesce($8::text::interval, max_past), max_future = coalesce($9::text::interval, max_future),
  retention = case when $10 then $11::text::interval else retention end, on_expiry = coalesce($12, on_expiry),
  updated_at = now()
where parent = $1
