-- A finding that was closed before is reopened, not opened.
insert into vex.finding_history (tenant_id, artifact_purl, artifact_id, package_id, vuln_id, event, reason, detail)
select $1, h.artifact_purl, h.artifact_id, h.package_id, h.vuln_id,
       case when h.event = 'opened' and exists (
         select from vex.finding_history o
         where o.tenant_id = $1 and o.artifact_id = h.artifact_id and o.package_id = h.package_id and o.vuln_id = h.vuln_id offset 0)
       then 'reopened' else h.event end,
       h.reason, h.detail::jsonb
from p_history h
