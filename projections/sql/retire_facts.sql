-- These versions of records ($2) count no more.
with affected as (
  update vex.vuln_affected set is_current = false
  where tenant_id = $1 and is_current and ctid = any (array(
    select a.ctid from unnest($2::uuid[]) as k (fact)
    cross join lateral (select ctid from vex.vuln_affected where tenant_id = $1 and fact_id = k.fact and is_current offset 0) as a))
)
update vex.vuln_alias set is_current = false
where tenant_id = $1 and is_current and ctid = any (array(
  select a.ctid from unnest($2::uuid[]) as k (fact)
  cross join lateral (select ctid from vex.vuln_alias where tenant_id = $1 and fact_id = k.fact and is_current offset 0) as a))
