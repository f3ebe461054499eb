-- Looks for a pattern in the text of every row of every relation that the current role may read,
-- sequences too, and leaves what it found in the setting look.found. One statement for
-- all: a round trip per relation took longer than the looking. A relation of which only some
-- columns may be read is read by those. Nothing is in the text of this statement that is looked for,
-- because the statistics have that text.
do $$
declare
  r record;
  n bigint;
  found jsonb := '[]';
begin
  for r in
    select format('%I.%I', n.nspname, c.relname) as name, c.relkind, n.nspname,
           has_table_privilege(c.oid, 'select') as whole,
           (select string_agg(format('x.%I', a.attname), ', ') from pg_attribute a
            where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and has_column_privilege(c.oid, a.attnum, 'select')) as columns
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and n.nspname !~ '^pg_(toast|temp)'
      and c.relname !~ '_numa$' -- fail where the machine is no NUMA one
      and n.nspname <> 'information_schema' -- views of pg_catalog, and slow ones
      and (current_setting('look.catalogues') = 'on' or n.nspname <> 'pg_catalog')
    order by 1
  loop
    begin
      execute format('select count(*) from %s x where %s ~ current_setting(''look.trace'')', r.name,
        case when r.relkind = 'S' then 'x.last_value::text' when r.whole or r.columns is null then 'x::text' else format('concat_ws('' '', %s)', r.columns) end) into n;
      found := found || jsonb_build_object('what', r.name, 'kind', r.relkind, 'hits', n, 'state', '', 'error', '');
    exception when others then
      found := found || jsonb_build_object('what', r.name, 'kind', r.relkind, 'hits', 0, 'state', sqlstate, 'error', sqlerrm);
    end;
  end loop;
  perform set_config('look.found', found::text, false);
end $$
