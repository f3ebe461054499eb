-- What the projections have made, without the times at which they did.
create schema drill;
create table drill.open as
  select tenant_id, artifact_id, package_id, vuln_id, artifact_purl, package_purl, score, severity, aliases, advisories, fixed_versions, vex, evidence from vex.open_findings;
create table drill.suppressed as
  select tenant_id, artifact_id, package_id, vuln_id, artifact_purl, package_purl, score, severity, aliases, advisories, fixed_versions, vex, evidence, statement_id, decision_id
  from vex.suppressed_findings;
create table drill.component as select tenant_id, artifact_id, stream, component_id, package_id from ingest.sbom_component;
create table drill.match as
  select tenant_id, package_id, vuln_id, fact_id, advisory, source, matched_by, match_range, fixed_versions, score, severity from vex.package_vuln
