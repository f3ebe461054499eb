-- The oldest transactions: nothing that died after they began can be cleaned up. Prepared ones too.
select 'process ' || pid || coalesce(' (' || nullif(application_name, '') || ')', '') as name, extract(epoch from clock_timestamp() - xact_start)::float8 as seconds, coalesce(state, '') as state
from pg_stat_activity where xact_start is not null and pid <> pg_backend_pid() and backend_type = 'client backend' and datname = current_database()
union all
select 'prepared ' || gid, extract(epoch from clock_timestamp() - prepared)::float8, 'prepared' from pg_prepared_xacts where database = current_database()
order by seconds desc limit 5;
