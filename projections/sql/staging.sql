-- Temporary tables of one projection connection, emptied at each commit.
create temp table if not exists p_stream (
  artifact_id uuid, stream text, document_id bigint, document_time timestamptz, content_hash bytea, component_count int,
  artifact_purl text, document uuid, previous uuid, scan_run_id bigint, stored_at timestamptz,
  primary key (artifact_id, stream)) on commit delete rows;
create temp table if not exists p_change (
  artifact_id uuid, stream text, component_id uuid, package_id uuid, added boolean) on commit delete rows;
create temp table if not exists p_pair (artifact_id uuid, package_id uuid, whole boolean, primary key (artifact_id, package_id)) on commit delete rows;
create temp table if not exists p_package_vuln (
  package_id uuid, vuln_id text, fact_id uuid, advisory text, source text, matched_by text, match_range text, fixed_versions text[],
  score smallint, severity text) on commit delete rows;
create temp table if not exists p_finding (
  artifact_purl text, package_id uuid, vuln_id text, artifact_id uuid, package_purl text, score smallint, severity text, aliases text[],
  advisories text[], fixed_versions text[], vex text, evidence text, statement_id uuid, decision_id uuid, first_seen timestamptz) on commit delete rows;
create temp table if not exists p_history (
  ordinal int, cause int, part int, artifact_purl text, artifact_id uuid, package_id uuid, vuln_id text, event text, reason text, detail text,
  message text) on commit delete rows;
create temp table if not exists p_region (artifact_id uuid, stream text, document_id bigint, spans tstzmultirange) on commit delete rows;
