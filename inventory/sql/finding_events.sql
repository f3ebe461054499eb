-- What became of findings: of package $2, of the vulnerability with the ids $3, in the artifacts $4 (null: any).
-- The newest first.
select h.at, h.event, coalesce(h.detail ->> 'decision', '') as decision, h.artifact_purl as artifact, coalesce(p.purl, h.package_id::text) as package, h.vuln_id, '' as by,
  '' as "from", '' as "to", h.reason, h.detail as diff
from vex.finding_history h left join vex.package p on p.tenant_id = h.tenant_id and p.id = h.package_id
where h.tenant_id = $1 and h.package_id = $2 and h.vuln_id = any ($3) and ($4::uuid[] is null or h.artifact_id = any ($4))
order by h.at desc
