-- The specification's section 14.2: what took most of the server's time in this database. The schema of the
-- extension is completed by the caller.
select regexp_replace(substring(query, 1, 100), '\s+', ' ', 'g') as query, calls, total_exec_time / 1000 as total, mean_exec_time / 1000 as mean, max_exec_time / 1000 as longest
from {schema}.pg_stat_statements
where dbid = (select oid from pg_database where datname = current_database())
order by total_exec_time desc
limit $1;
