-- What was there and is not made again, and the other way round.
with
  open as (select tenant_id, artifact_id, package_id, vuln_id, artifact_purl, package_purl, score, severity, aliases, advisories, fixed_versions, vex, evidence from vex.open_findings),
  suppressed as (select tenant_id, artifact_id, package_id, vuln_id, artifact_purl, package_purl, score, severity, aliases, advisories, fixed_versions, vex, evidence, statement_id, decision_id
                 from vex.suppressed_findings),
  component as (select tenant_id, artifact_id, stream, component_id, package_id from ingest.sbom_component),
  match as (select tenant_id, package_id, vuln_id, fact_id, advisory, source, matched_by, match_range, fixed_versions, score, severity from vex.package_vuln),
  d (what, row) as (
    select 'open finding lost', to_jsonb(x) from (table drill.open except table open) x union all
    select 'open finding more', to_jsonb(x) from (table open except table drill.open) x union all
    select 'suppressed finding lost', to_jsonb(x) from (table drill.suppressed except table suppressed) x union all
    select 'suppressed finding more', to_jsonb(x) from (table suppressed except table drill.suppressed) x union all
    select 'component lost', to_jsonb(x) from (table drill.component except table component) x union all
    select 'component more', to_jsonb(x) from (table component except table drill.component) x union all
    select 'match lost', to_jsonb(x) from (table drill.match except table match) x union all
    select 'match more', to_jsonb(x) from (table match except table drill.match) x
  )
select (select count(*) from drill.open), (select count(*) from drill.suppressed), count(*), coalesce(min(what || ': ' || left(row::text, 600)), '') from d
