-- Further keys by which facts find a package; most have one, which stands in its row.
insert into vex.package_key (tenant_id, match_key, package_id)
select $1, match_key, package_id from t_package_key order by match_key, package_id
on conflict do nothing
