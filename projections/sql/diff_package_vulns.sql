-- Brings package_vuln to what p_package_vuln says for the packages $2, by difference: all
-- rows of theirs, or those of the facts $3. Returns which vulnerability of which package changed.
with gone as (
  delete from vex.package_vuln v
  where v.tenant_id = $1 and v.package_id = any ($2) and ($3::uuid[] is null or v.fact_id = any ($3))
    and not exists (
      select from p_package_vuln n
      where n.package_id = v.package_id and n.vuln_id = v.vuln_id and n.fact_id = v.fact_id)
  returning v.package_id, v.vuln_id
), put as (
  insert into vex.package_vuln as v (tenant_id, package_id, vuln_id, fact_id, advisory, source, matched_by, match_range, fixed_versions, score, severity)
  select $1, package_id, vuln_id, fact_id, advisory, source, matched_by, match_range, fixed_versions, score, severity
  from p_package_vuln order by package_id, vuln_id, fact_id
  on conflict (tenant_id, package_id, vuln_id, fact_id) do update set
    advisory = excluded.advisory, source = excluded.source, matched_by = excluded.matched_by, match_range = excluded.match_range,
    fixed_versions = excluded.fixed_versions, score = excluded.score, severity = excluded.severity
  where (v.advisory, v.source, v.matched_by, v.match_range, v.fixed_versions, v.score, v.severity)
     is distinct from (excluded.advisory, excluded.source, excluded.matched_by, excluded.match_range, excluded.fixed_versions, excluded.score, excluded.severity)
  returning v.package_id, v.vuln_id
)
select package_id, vuln_id from gone union select package_id, vuln_id from put
