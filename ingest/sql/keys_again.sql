-- The further keys of packages ($2) are these ($3), and no others.
with k as materialized (
  select * from jsonb_to_recordset($3::jsonb) as x (match_key text, package_id uuid)
), gone as (
  delete from vex.package_key v using unnest($2::uuid[]) as p (id)
  where v.tenant_id = $1 and v.package_id = p.id
    and not exists (select from k where k.match_key = v.match_key and k.package_id = v.package_id)
)
insert into vex.package_key (tenant_id, match_key, package_id)
select $1, match_key, package_id from k order by match_key, package_id
on conflict do nothing
