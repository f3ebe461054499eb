-- Whether anything here knows a vulnerability by one of the ids $2: a record, an alias, a match, a
-- statement. Each is a probe of an index.
select exists (
  select from unnest($2::text[]) as k (id)
  where exists (select from vex.vuln_fact where tenant_id = any (array[$1::uuid, core.shared_tenant()]) and external_id = k.id)
     or exists (select from vex.vuln_alias where tenant_id = any (array[$1::uuid, core.shared_tenant()]) and vuln_id = k.id)
     or exists (select from vex.package_vuln where tenant_id = $1 and vuln_id = k.id)
     or exists (select from vex.vex_statement where tenant_id = $1 and vuln_id = k.id))
