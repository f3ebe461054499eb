-- The ecosystems that current records speak of, the tenant's own ($1) and the shared ones, as the records spell them:
-- those of the families $2 (what stands before the colon, in lower case), $3 at most; and one of each other family. One after
-- the other is looked up by the index, so millions of rows cost as much as their ecosystems, and the thousand
-- products of a family that nobody asks about as much as one: ; is the character behind the colon.
with recursive walk (tenant, ecosystem) as (
  select t.tenant, first.ecosystem
  from unnest(array[$1::uuid, '00000000-0000-0000-0000-000000000000'::uuid]) as t (tenant)
  cross join lateral (
    select ecosystem from vex.vuln_affected where tenant_id = t.tenant and is_current
    order by ecosystem collate "C" limit 1) as first
  union all
  select w.tenant, next.ecosystem
  from walk as w
  cross join lateral (select split_part(w.ecosystem, ':', 1) as name) as family
  cross join lateral (
    select case when lower(family.name) = any ($2::text[]) or w.ecosystem = family.name then w.ecosystem else family.name || ';' end as place) as behind
  cross join lateral (
    select ecosystem from vex.vuln_affected where tenant_id = w.tenant and is_current and ecosystem collate "C" > behind.place collate "C"
    order by ecosystem collate "C" limit 1) as next
)
select ecosystem from walk limit $3
