-- Which extensions the database has, and which it could have.
select name::text, installed_version is not null from pg_available_extensions where name in ('pg_stat_statements', 'amcheck', 'pgaudit')
