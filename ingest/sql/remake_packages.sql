-- Brings packages that were known already to what t_package and t_package_key say of them, and
-- returns those that are looked up in another way now.
with columns as (
  update vex.package p
  set type = t.type, namespace = t.namespace, name = t.name, version = t.version, ecosystem = t.ecosystem, match_key = t.match_key,
      match_version = t.match_version, matched_by = t.matched_by, name_key = t.name_key, unmatched_reason = t.unmatched_reason, updated_at = now()
  from t_package t
  where p.tenant_id = $1 and p.id = t.id
    and (p.type, p.namespace, p.name, p.version, p.ecosystem, p.match_key, p.match_version, p.matched_by, p.name_key, p.unmatched_reason)
        is distinct from (t.type, t.namespace, t.name, t.version, t.ecosystem, t.match_key, t.match_version, t.matched_by, t.name_key, t.unmatched_reason)
  returning p.id
), stale as (
  delete from vex.package_key k using t_package t
  where k.tenant_id = $1 and k.package_id = t.id and not starts_with(k.match_key, 'cpe:') -- which other documents may have given
    and not exists (select from t_package_key n where n.package_id = k.package_id and n.match_key = k.match_key)
  returning k.package_id
)
select id from columns
union
select package_id from stale
union
select n.package_id from t_package_key n
where not exists (select from vex.package_key k where k.tenant_id = $1 and k.package_id = n.package_id and k.match_key = n.match_key offset 0)
