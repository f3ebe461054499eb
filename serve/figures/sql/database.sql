-- What the server counts of this database since its statistics began, and the rows of the tables that
-- have one per document, by its statistics; any role may read it.
select d.numbackends::float8, current_setting('max_connections')::float8, d.xact_commit::float8, d.xact_rollback::float8,
       d.blks_hit::float8, d.blks_read::float8, d.deadlocks::float8, d.temp_bytes::float8,
       (select age(datfrozenxid)::float8 from pg_database where oid = d.datid),
       -- After a crash the counters begin anew, and before the first ANALYZE there is no estimate.
       (select array_agg(greatest(pg_stat_get_live_tuples(c.oid), c.reltuples, 0)::float8 order by t.n)
        from unnest(array['ingest.original', 'ingest.sbom_document', 'vex.vex_document']::regclass[]) with ordinality as t (table_oid, n)
        join pg_class c on c.oid = t.table_oid)
from pg_stat_database d where d.datname = current_database()
