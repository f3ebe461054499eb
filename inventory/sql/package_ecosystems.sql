-- The ecosystems that packages of tenant $1 are of, $2 at most. One after the other is looked up by the index.
with recursive walk (ecosystem) as (
  (select ecosystem from vex.package where tenant_id = $1 and match_key <> '' order by ecosystem collate "C" limit 1)
  union all
  select next.ecosystem
  from walk as w
  cross join lateral (
    select ecosystem from vex.package where tenant_id = $1 and match_key <> '' and ecosystem collate "C" > w.ecosystem collate "C"
    order by ecosystem collate "C" limit 1) as next
)
select ecosystem from walk limit $2
