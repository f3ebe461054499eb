-- These versions of records ($2) are made again, with their ranges and aliases. Returns what
-- they were called and what they spoke of, of which the new ones may be silent.
with aliases as (
  delete from vex.vuln_alias
  where tenant_id = $1 and ctid = any (array(
    select a.ctid from unnest($2::uuid[]) as k (fact)
    cross join lateral (select ctid from vex.vuln_alias where tenant_id = $1 and fact_id = k.fact offset 0) as a))
  returning vuln_id, alias
), affected as (
  delete from vex.vuln_affected
  where tenant_id = $1 and ctid = any (array(
    select a.ctid from unnest($2::uuid[]) as k (fact)
    cross join lateral (select ctid from vex.vuln_affected where tenant_id = $1 and fact_id = k.fact offset 0) as a))
), facts as (
  delete from vex.vuln_fact
  where tenant_id = $1 and ctid = any (array(
    select f.ctid from unnest($2::uuid[]) as k (fact)
    cross join lateral (select ctid from vex.vuln_fact where tenant_id = $1 and id = k.fact offset 0) as f))
  returning external_id, names
)
select true as record, external_id as name from facts
union
select false, n from facts, unnest(names || external_id) as n
union
select false, n from aliases, unnest(array[vuln_id, alias]) as n
