-- Findings of tenant $1, the worst first: of artifact $2, of vulnerability $3 ('' is any), with
-- status $4, $5 at most (0 is all). $6 and $7 are the ids that findings of $3 may have (vuln_ids.sql),
-- so that the index on vuln_id serves; what one
-- advisory fixes beside $3 goes again. The planner knows the parameters and drops what is ''.
-- A finding without a score has the place of the lower end of its severity.
select * from (
  select 'open' as status, artifact_purl, package_purl, vuln_id, aliases, advisories, score, severity, fixed_versions, vex, evidence, first_seen, last_changed
  from vex.open_findings
  where tenant_id = $1 and $4 <> 'suppressed' and ($2 = '' or artifact_purl = $2)
    and ($3 = '' or vuln_id = any ($6::text[] || $7::text[]) and $3 = any (aliases || advisories || vuln_id))
  union all
  select 'suppressed', artifact_purl, package_purl, vuln_id, aliases, advisories, score, severity, fixed_versions, vex, evidence, first_seen, last_changed
  from vex.suppressed_findings
  where tenant_id = $1 and $4 <> 'open' and ($2 = '' or artifact_purl = $2)
    and ($3 = '' or vuln_id = any ($6::text[] || $7::text[]) and $3 = any (aliases || advisories || vuln_id))
) as f
order by coalesce(score, case severity when 'critical' then 90 when 'high' then 70 when 'medium' then 40 when 'low' then 1 else 0 end) desc,
  vuln_id, artifact_purl, package_purl, status
limit nullif($5::bigint, 0)
