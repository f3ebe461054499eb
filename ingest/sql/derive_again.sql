-- What packages ($2) are matched by, as this program derives it from their purls. Returns those
-- that were stored with something else; new ones are added.
with p as materialized (
  select * from jsonb_to_recordset($2::jsonb) as x (id uuid, purl text, type text, namespace text, name text, version text,
    ecosystem text, match_key text, match_version text, matched_by text, name_key text, unmatched_reason text)
), added as (
  insert into vex.package (tenant_id, id, purl, type, namespace, name, version, ecosystem, match_key, match_version, matched_by, name_key, unmatched_reason)
  select $1, p.id, p.purl, p.type, p.namespace, p.name, p.version, p.ecosystem, p.match_key, p.match_version, p.matched_by, p.name_key, p.unmatched_reason
  from p order by p.id
  on conflict (tenant_id, id) do nothing
)
update vex.package v
set ecosystem = p.ecosystem, match_key = p.match_key, match_version = p.match_version, matched_by = p.matched_by,
    name_key = p.name_key, unmatched_reason = p.unmatched_reason, updated_at = now()
from p
where v.tenant_id = $1 and v.id = p.id
  and (v.ecosystem, v.match_key, v.match_version, v.matched_by, v.name_key, v.unmatched_reason)
    is distinct from (p.ecosystem, p.match_key, p.match_version, p.matched_by, p.name_key, p.unmatched_reason)
returning v.id
