-- How much of what was read was found in the server's memory.
select blks_hit, blks_read from pg_stat_database where datname = current_database();
