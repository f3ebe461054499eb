  and not exists (
    select from routing.notify_told t
    where t.tenant_id = $1 and t.rule_id = $2 and t.artifact_id = f.artifact_id and t.package_id = f.package_id
      and (t.vuln_id = f.vuln_id or t.vuln_id = any (f.aliases)))
