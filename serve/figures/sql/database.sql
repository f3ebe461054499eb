-- What the server counts of this database since its statistics began; any role may read it.
select d.numbackends::float8, current_setting('max_connections')::float8, d.xact_commit::float8, d.xact_rollback::float8,
       d.blks_hit::float8, d.blks_read::float8, d.deadlocks::float8, d.temp_bytes::float8,
       (select age(datfrozenxid)::float8 from pg_database where oid = d.datid)
from pg_stat_database d where d.datname = current_database()
