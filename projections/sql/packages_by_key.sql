-- Packages in use that these keys may name.
select p.id
from unnest($2::text[]) as k (key)
cross join lateral (
  select id from vex.package where tenant_id = $1 and match_key = k.key and match_key <> ''
  union all
  select package_id from vex.package_key where tenant_id = $1 and match_key = k.key
  offset 0) as p
where exists (select from ingest.sbom_component c where c.tenant_id = $1 and c.package_id = p.id offset 0)
