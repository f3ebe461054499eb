-- Further keys by which facts find a package; most have one, which stands in its row.
insert into vex.package_key (tenant_id, match_key, package_id)
select $1, match_key, package_id from unnest($2::text[], $3::uuid[]) as t (match_key, package_id) order by match_key, package_id
on conflict do nothing
