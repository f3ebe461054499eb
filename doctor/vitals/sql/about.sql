-- What the answers rest on: whether others' sessions are shown to us, since when the server counts,
-- and whether pg_stat_statements can be asked: it has to be loaded at the server's start, and made in this database.
select pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') as sees_all,
  coalesce(d.stats_reset, pg_postmaster_start_time()) as counted_since,
  (select n.nspname from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.extname = 'pg_stat_statements') as statements,
  exists (select from pg_settings where name = 'pg_stat_statements.max') as loaded -- a setting that the library brings
from pg_stat_database d where d.datname = current_database();
