-- Temporary tables, once per connection: private, without WAL, emptied at each commit.
-- COPY cannot write to a table under row security; what goes on from here by
-- INSERT ... SELECT is checked by the policies.
--
-- Only for rows that have lists themselves, which cannot be parameters of a statement column by column.
-- A commit of a transaction that has touched any of these tables empties all of them, with their
-- TOAST tables and the indexes of those: 8 ms of the server for twenty tables.
create temp table if not exists t_fact (
  id uuid, source text, external_id text, payload text, document_id uuid, content_hash bytea, names text[], modified timestamptz,
  withdrawn timestamptz, summary text, score smallint, severity text, vector text) on commit delete rows;
alter table t_fact alter column payload set storage external;
create temp table if not exists t_affected (
  fact_id uuid, ordinal int, match_key text, ecosystem text, name text, ranges text, versions text[], fixed_versions text[],
  score smallint, severity text) on commit delete rows;
create temp table if not exists t_vuln_alias (vuln_id text, alias text, fact_id uuid) on commit delete rows;
create temp table if not exists t_signature (
  id uuid, content_hash bytea, kind text, key_id text, signature bytea, outcome text, why text, payload_type text, predicate_type text, subjects text,
  origin text, envelope bytea, encoding text, size bigint) on commit delete rows;
alter table t_signature alter column envelope set storage external;
create temp table if not exists t_score (vuln_id text, score real, percentile real) on commit delete rows;
create temp table if not exists t_exploited (
  vuln_id text, name text, date_added date, due_date date, ransomware boolean, action text) on commit delete rows;
