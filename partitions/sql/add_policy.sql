-- A table that has no policy yet gets one.
insert into core.partition_policy (parent, step) values ($1, coalesce($2, 'month')) on conflict do nothing
