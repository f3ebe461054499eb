-- What the server is and how it is set. pg_settings has sizes in units of its own; the bytes come
-- from pg_size_bytes of the text.
select current_setting('server_version'), current_setting('server_version_num')::int,
       current_setting('fsync')::bool, current_setting('full_page_writes')::bool, current_setting('data_checksums')::bool,
       current_setting('autovacuum')::bool and current_setting('track_counts')::bool,
       current_setting('synchronous_commit'),
       pg_size_bytes(current_setting('shared_buffers')), pg_size_bytes(current_setting('max_wal_size')),
       current_setting('password_encryption'), current_setting('default_toast_compression'),
       -- Where it was built without lz4 the setting does not offer it.
       (select 'lz4' = any (enumvals) from pg_settings where name = 'default_toast_compression'),
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
       (select count(*)::int from pg_stat_activity where backend_type = 'client backend'),
       (select max(age(datfrozenxid))::bigint from pg_database),
       pg_database_size(current_database()),
       clock_timestamp(),
       coalesce((select extract(epoch from max(clock_timestamp() - xact_start)) from pg_stat_activity where state like 'idle in transaction%'), 0)::float8
