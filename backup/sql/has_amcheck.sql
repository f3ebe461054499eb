select exists (select from pg_available_extensions where name = 'amcheck')
