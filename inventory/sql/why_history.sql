-- What happened to the finding of package $3 in artifact $2, under any of the names $4, the oldest first.
select h.at, h.event, h.reason, h.detail from vex.finding_history h
where h.tenant_id = $1 and h.artifact_id = $2 and h.package_id = $3 and h.vuln_id = any ($4::text[])
order by h.at, h.vuln_id
