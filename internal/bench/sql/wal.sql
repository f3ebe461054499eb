-- How much the server has written ahead so far, in bytes.
select (pg_current_wal_insert_lsn() - '0/0')::bigint
