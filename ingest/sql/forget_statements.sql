-- The statements of these documents ($2) are made again.
delete from vex.vex_statement
where tenant_id = $1 and ctid = any (array(
  select s.ctid from unnest($2::uuid[]) as k (document)
  cross join lateral (select ctid from vex.vex_statement where tenant_id = $1 and document_id = k.document offset 0) as s))
