-- Temporary tables, once per connection: private, without WAL, emptied at each commit.
-- COPY cannot write to a table under row security; what goes on from here by
-- INSERT ... SELECT is checked by the policies. Large bodies do not come this way: they are
-- inserted directly, which saves writing them to a temporary table and reading them back.
create temp table if not exists t_original (
  content_hash bytea, document_id uuid, kind text, format text, format_version text, size bigint,
  encoding text, bytes bytea, origin text, scan_run_id bigint, warnings text,
  tool text, tool_version text, quality text) on commit delete rows;
alter table t_original alter column bytes set storage external;
create temp table if not exists t_inventory (content_hash bytea, package_ids uuid[], unmatched text) on commit delete rows;
create temp table if not exists t_alias (
  content_hash bytea, document_id uuid, artifact_id uuid, stream text, document_time timestamptz, origin text, scan_run_id bigint,
  bom_serial text, version_rank text) on commit delete rows;
create temp table if not exists t_artifact (id uuid, purl text, name_key text) on commit delete rows;
create temp table if not exists t_package (
  id uuid, purl text, type text, namespace text, name text, version text, ecosystem text, match_key text, match_version text,
  matched_by text, name_key text, unmatched_reason text) on commit delete rows;
create temp table if not exists t_package_key (match_key text, package_id uuid) on commit delete rows;
create temp table if not exists t_cpe_key (match_key text, package_id uuid) on commit delete rows;
create temp table if not exists t_fact (
  id uuid, source text, external_id text, payload text, document_id uuid, content_hash bytea, names text[], modified timestamptz,
  withdrawn timestamptz, summary text, score smallint, severity text, vector text) on commit delete rows;
alter table t_fact alter column payload set storage external;
create temp table if not exists t_affected (
  fact_id uuid, ordinal int, match_key text, ecosystem text, name text, ranges text, versions text[], fixed_versions text[],
  score smallint, severity text) on commit delete rows;
create temp table if not exists t_vuln_alias (vuln_id text, alias text, fact_id uuid) on commit delete rows;
create temp table if not exists t_event (scan_run_id bigint, event_type text, payload text, event_id uuid) on commit delete rows;
create temp table if not exists t_job (kind text, payload text, dedup_key text) on commit delete rows;
create temp table if not exists t_outbox (ordinal int, topic text, payload text, always boolean) on commit delete rows;
alter table t_outbox alter column payload set storage external;
create temp table if not exists t_parked (
  content_hash bytea, document_id uuid, origin text, reason text, pointer text, message text, format text, hints text, size bigint,
  encoding text, bytes bytea, revision text, scan_run_id bigint) on commit delete rows;
alter table t_parked alter column bytes set storage external;
create temp table if not exists t_signature (
  id uuid, content_hash bytea, kind text, key_id text, signature bytea, outcome text, why text, payload_type text, predicate_type text, subjects text,
  origin text, envelope bytea, encoding text, size bigint) on commit delete rows;
alter table t_signature alter column envelope set storage external;
create temp table if not exists t_score (vuln_id text, score real, percentile real) on commit delete rows;
create temp table if not exists t_exploited (
  vuln_id text, name text, date_added date, due_date date, ransomware boolean, action text) on commit delete rows;
