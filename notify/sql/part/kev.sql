exists (select from vex.kev k where k.tenant_id = any (array[$1, core.shared_tenant()]) and k.vuln_id = f.vuln_id and k.removed_at is null)
