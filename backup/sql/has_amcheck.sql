-- A server of somebody's own may come without it.
select exists (select from pg_available_extensions where name = 'amcheck')
