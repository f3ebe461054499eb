-- Of each record ($2: external ids), the version with the newest modified time counts, then
-- the greatest content hash; a withdrawn one covers nothing. Sets is_current where it changed.
with ranked as (
  select id, withdrawn is null and row_number() over (partition by external_id order by modified desc nulls last, content_hash desc, id) = 1 as is_current
  from vex.vuln_fact where tenant_id = $1 and external_id = any ($2)
), affected as (
  update vex.vuln_affected a set is_current = r.is_current from ranked r
  where a.tenant_id = $1 and a.fact_id = r.id and a.is_current <> r.is_current
)
update vex.vuln_alias a set is_current = r.is_current from ranked r
where a.tenant_id = $1 and a.fact_id = r.id and a.is_current <> r.is_current
