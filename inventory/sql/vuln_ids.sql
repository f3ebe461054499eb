-- The ids that findings of $2 may have: those of the same vulnerability and, where it is the
-- id of a record, those that the record speaks of. So the index on vuln_id serves, which
-- one on the arrays could not under row security.
with recursive same (id) as (
  select $2::text
  union
  select a.alias from same join vex.vuln_alias a
    on a.tenant_id = any (array[$1::uuid, core.shared_tenant()]) and a.vuln_id = same.id and a.is_current
), told (id) as (
  select unnest(f.names) from vex.vuln_fact f
  where f.tenant_id = any (array[$1::uuid, core.shared_tenant()]) and f.external_id = $2
)
select array(select id from same), array(select id from told)
