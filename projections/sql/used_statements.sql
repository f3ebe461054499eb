-- Which statements decide a finding of these vulnerabilities (true), and which lost one.
with f as materialized (
  select f.vex from unnest($2::text[]) as k (vuln)
  cross join lateral (
    select vex from vex.open_findings where tenant_id = $1 and vuln_id = k.vuln and vex is not null
    union all
    select vex from vex.suppressed_findings where tenant_id = $1 and vuln_id = k.vuln
    offset 0) as f
)
select distinct (vex ->> 'statement_id')::uuid, true from f where vex ? 'statement_id'
union all
select distinct s::uuid, false from f, jsonb_array_elements_text(vex -> 'superseded') as s where vex ? 'superseded'
