-- The types of a prepared statement's parameters.
select unnest(parameter_types)::text from pg_prepared_statements where name = $1;
