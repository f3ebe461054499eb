-- Calls every function of ours that the current role may execute, with values of the tenant that
-- is looked for, and leaves in look.found what came back, or the error, and what was given. look.values has for each type the values to try, as literals; the first argument
-- takes each of its, the others their first. What a call changes is undone: it fails at its end.
do $$
declare
  r record;
  given jsonb := current_setting('look.values')::jsonb;
  said text;
  found jsonb := '[]';
begin
  for r in
    with f as (
      select p.oid, format('%I.%I', n.nspname, p.proname) as name, p.prokind,
             array(select format_type(t, null) from unnest(p.proargtypes) with ordinality as a (t, i) order by i) as types,
             -- a row of a table is given as none
             (select coalesce(jsonb_object_agg(format_type(y.oid, null), jsonb_build_array('null::' || y.oid::regtype)), '{}') from pg_type y where y.oid = any (p.proargtypes) and y.typtype = 'c') as rows
      from pg_proc p join pg_namespace n on n.oid = p.pronamespace
      where n.nspname !~ '^(pg_|information_schema|public$)' and p.prokind in ('f', 'p') and p.prorettype <> all ('{trigger,event_trigger}'::regtype[])
        and has_function_privilege(p.oid, 'execute') and has_schema_privilege(n.oid, 'usage')
    )
    select f.*, f.name || '(' || array_to_string(f.types, ', ') || ')' as signature, v.literal as first,
           (select string_agg((given || f.rows) -> t ->> 0, ', ' order by i) from unnest(f.types) with ordinality as a (t, i) where i > 1) as rest,
           (select min(t) from unnest(f.types) as t where (given || f.rows) -> t is null) as unknown
    from f left join lateral jsonb_array_elements_text((given || f.rows) -> f.types[1]) as v (literal) on true
    order by signature
  loop
    if r.unknown is not null then
      found := found || jsonb_build_object('what', r.signature, 'kind', 'f', 'given', '', 'state', 'XXXXX', 'error', 'there are no values of type ' || r.unknown || ' to call it with');
      continue;
    end if;
    begin
      if r.prokind = 'p' then
        execute format('call %s(%s)', r.name, concat_ws(', ', r.first, r.rest));
        said := '';
      else
        execute format('select coalesce(string_agg(x::text, '' ''), '''') from %s(%s) x', r.name, concat_ws(', ', r.first, r.rest)) into said;
      end if;
      raise exception using errcode = 'L0000', message = said;
    exception
      when sqlstate 'L0000' then
        found := found || jsonb_build_object('what', r.signature, 'kind', 'f', 'given', concat_ws(', ', r.first, r.rest), 'state', '', 'said', left(sqlerrm, 100000));
      when others then
        found := found || jsonb_build_object('what', r.signature, 'kind', 'f', 'given', concat_ws(', ', r.first, r.rest), 'state', sqlstate, 'error', sqlerrm);
    end;
  end loop;
  perform set_config('look.found', found::text, false);
end $$
