-- What became of statements; only where that is another outcome than before.
update vex.vex_statement set outcome = $3
where tenant_id = $1 and ctid = any (array(
  select s.ctid from unnest($2::uuid[]) as k (id)
  cross join lateral (select ctid from vex.vex_statement where tenant_id = $1 and id = k.id offset 0) as s))
