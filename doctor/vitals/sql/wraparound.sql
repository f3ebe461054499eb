-- How far the oldest rows of the databases are from the end of the transaction ids. At 0 the server takes no more writes.
select datname::text as name, greatest(age(datfrozenxid), mxid_age(datminmxid))::bigint as age from pg_database where datallowconn order by 2 desc limit 3;
