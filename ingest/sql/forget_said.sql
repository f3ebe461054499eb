-- What these documents ($2) say is made again: their statements and the aliases in them.
with aliases as (
  delete from vex.vuln_alias
  where tenant_id = $1 and ctid = any (array(
    select a.ctid from unnest($2::uuid[]) as k (document)
    cross join lateral (select ctid from vex.vuln_alias where tenant_id = $1 and fact_id = k.document offset 0) as a))
)
delete from vex.vex_statement
where tenant_id = $1 and ctid = any (array(
  select s.ctid from unnest($2::uuid[]) as k (document)
  cross join lateral (select ctid from vex.vex_statement where tenant_id = $1 and document_id = k.document offset 0) as s))
