-- Migration: vex_v001_base
-- Dependencies: core_v001, ingest_v001
begin;

create schema if not exists vex;

create table if not exists vex.package (
  id uuid not null default gen_random_uuid(),
  tenant_id uuid not null,
  purl text not null,
  type text not null,
  namespace text not null default '',
  name text not null,
  version text not null default '',
  ecosystem text not null default '',
  match_key text not null default '',
  match_version text not null default '',
  matched_by text not null default '',
  name_key text not null default '',
  unmatched_reason text not null default '',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id)
);
comment on column vex.package.id is 'UUIDv8 of SHA-256 of tenant and purl, which every writer gives; the default is the specification''s.';
comment on column vex.package.match_key is 'ECOSYSTEM|name as vulnerability records spell it; '''' where the package cannot be matched (unmatched_reason).';
comment on column vex.package.name_key is 'The purl without version, qualifiers and subpath: what VEX products are compared by.';
create index if not exists ix_package_match on vex.package (tenant_id, match_key) where match_key <> '';
create index if not exists ix_package_name on vex.package (tenant_id, name_key);
create index if not exists ix_package_purl on vex.package (tenant_id, purl collate "C");
call core.protect('vex.package');

create table if not exists vex.package_key (
  tenant_id uuid not null,
  match_key text not null,
  package_id uuid not null,
  primary key (tenant_id, match_key, package_id)
);
comment on table vex.package_key is 'Further keys of packages that records may name in more than one way (a distribution without its release, binary beside source package).';
create index if not exists ix_package_key_package on vex.package_key (tenant_id, package_id);
call core.protect('vex.package_key');

create table if not exists vex.vuln_fact (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null,
  source text not null,
  external_id text,
  payload jsonb not null,
  schema_version int not null,
  received_at timestamptz not null default now(),
  -- Beyond the specification; with defaults, so that an insert by its columns works.
  document_id uuid not null default gen_random_uuid(),
  content_hash bytea not null default '',
  names text[] not null default '{}',
  modified timestamptz,
  withdrawn timestamptz,
  summary text not null default '',
  score smallint,
  severity text not null default '',
  vector text not null default ''
);
comment on column vex.vuln_fact.score is 'CVSS in tenths: 98 is 9.8.';
comment on column vex.vuln_fact.names is 'The vulnerabilities that the record speaks of: its own id, or the CVEs that a distribution''s advisory fixes.';
create unique index if not exists ux_vuln_fact_tenant on vex.vuln_fact (tenant_id, id);
create index if not exists ix_vuln_fact_external on vex.vuln_fact (tenant_id, external_id, modified desc nulls last, content_hash desc);
call core.protect('vex.vuln_fact');

create table if not exists vex.vuln_affected (
  tenant_id uuid not null,
  fact_id uuid not null,
  ordinal int not null,
  match_key text not null,
  ecosystem text not null,
  name text not null,
  ranges jsonb not null default '[]',
  versions text[] not null default '{}',
  fixed_versions text[] not null default '{}',
  score smallint,
  severity text not null default '',
  is_current boolean not null default true,
  primary key (tenant_id, fact_id, ordinal)
);
comment on column vex.vuln_affected.is_current is 'False for versions of a record that a newer one replaces, and for withdrawn records; the projector''s.';
create index if not exists ix_vuln_affected_key on vex.vuln_affected (tenant_id, match_key) where is_current;
call core.protect('vex.vuln_affected');

create table if not exists vex.vuln_alias (
  tenant_id uuid not null,
  vuln_id text not null,
  alias text not null,
  fact_id uuid not null,
  is_current boolean not null default true,
  primary key (tenant_id, vuln_id, alias, fact_id)
);
comment on table vex.vuln_alias is 'Edges between ids of the same vulnerability, both directions; fact_id is the record or the statement that says so.';
create index if not exists ix_vuln_alias_fact on vex.vuln_alias (tenant_id, fact_id);
call core.protect('vex.vuln_alias');

create table if not exists vex.vex_document (
  id uuid not null default gen_random_uuid(),
  tenant_id uuid not null,
  external_id text,
  content_hash bytea not null,
  doc jsonb not null,
  schema_version int not null default 1,
  created_at timestamptz not null default now(),
  supersedes_id bigint,
  format text not null default '',
  format_version text not null default '',
  issuer text not null default '',
  document_time timestamptz,
  statement_count int not null default 0,
  scan_run_id bigint,
  primary key (tenant_id, id)
);
create unique index if not exists ux_vex_document_hash on vex.vex_document (tenant_id, content_hash);
call core.protect('vex.vex_document');

create table if not exists vex.vex_statement (
  id uuid not null,
  tenant_id uuid not null,
  document_id uuid not null,
  ordinal int not null,
  pointer text not null default '',
  vuln_id text not null,
  status text not null check (status in ('not_affected','affected','fixed','under_investigation')),
  justification text not null default '',
  impact text not null default '',
  action text not null default '',
  issuer text not null default '',
  statement_time timestamptz,
  product text not null default '',
  product_purl text not null default '',
  product_key text not null default '',
  subcomponent text not null default '',
  subcomponent_key text not null default '',
  artifact_id uuid,
  bom_serial text not null default '',
  bom_ref text not null default '',
  version_range text not null default '',
  source text not null,
  content_hash bytea not null,
  outcome text not null default 'pending'
    check (outcome in ('pending', 'applied', 'superseded', 'no_such_product', 'no_such_vulnerability')),
  created_at timestamptz not null default now(),
  primary key (tenant_id, id)
);
comment on table vex.vex_statement is 'VEX statements, one row per vulnerability and product. Immutable but for outcome, which the projector keeps.';
create index if not exists ix_vex_statement_vuln on vex.vex_statement (tenant_id, vuln_id, product_key);
create index if not exists ix_vex_statement_document on vex.vex_statement (tenant_id, document_id, ordinal);
create index if not exists ix_vex_statement_waiting on vex.vex_statement (tenant_id, product_key) where outcome in ('pending', 'no_such_product', 'no_such_vulnerability');
create index if not exists ix_vex_statement_artifact on vex.vex_statement (tenant_id, artifact_id) where artifact_id is not null;
create index if not exists ix_vex_statement_serial on vex.vex_statement (tenant_id, bom_serial) where bom_serial <> '';
call core.protect('vex.vex_statement');

create table if not exists vex.vex_decision (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null,
  package_id uuid not null,
  vuln_id text not null,
  status text check (status in ('not_affected','affected','fixed','under_investigation')),
  rationale text,
  proof_ref text,
  decided_by uuid,
  decided_at timestamptz not null default now(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (tenant_id, package_id, vuln_id)
);
call core.protect('vex.vex_decision');

create table if not exists vex.package_vuln (
  tenant_id uuid not null,
  package_id uuid not null,
  vuln_id text not null,
  fact_id uuid not null,
  advisory text not null,
  source text not null,
  matched_by text not null,
  match_range text not null default '',
  fixed_versions text[] not null default '{}',
  score smallint,
  severity text not null default '',
  created_at timestamptz not null default now(),
  primary key (tenant_id, package_id, vuln_id, fact_id)
);
comment on table vex.package_vuln is 'Which facts cover which package version: computed once per package, not once per SBOM.';
create index if not exists ix_package_vuln_vuln on vex.package_vuln (tenant_id, vuln_id, package_id);
call core.protect('vex.package_vuln');

create table if not exists vex.open_findings (
  tenant_id uuid not null,
  artifact_purl text not null,
  package_id uuid not null,
  vuln_id text not null,
  artifact_id uuid not null,
  package_purl text not null,
  score smallint,
  severity text not null default '',
  aliases text[] not null default '{}',
  advisories text[] not null default '{}',
  fixed_versions text[] not null default '{}',
  vex jsonb,
  evidence jsonb not null,
  first_seen timestamptz not null default now(),
  last_changed timestamptz not null default now(),
  primary key (tenant_id, artifact_id, package_id, vuln_id)
);
comment on table vex.open_findings is 'Open findings only, one per artifact, package and vulnerability; kept by difference by the projector.';
create index if not exists ix_open_findings_artifact on vex.open_findings (tenant_id, artifact_purl, score desc);
create index if not exists ix_open_findings_package on vex.open_findings (tenant_id, package_id, vuln_id);
create index if not exists ix_open_findings_vuln on vex.open_findings (tenant_id, vuln_id);
create index if not exists ix_open_findings_score on vex.open_findings (tenant_id, score desc nulls last, vuln_id);
call core.protect('vex.open_findings');

create table if not exists vex.suppressed_findings (
  tenant_id uuid not null,
  artifact_purl text not null,
  package_id uuid not null,
  vuln_id text not null,
  artifact_id uuid not null,
  package_purl text not null,
  score smallint,
  severity text not null default '',
  aliases text[] not null default '{}',
  advisories text[] not null default '{}',
  fixed_versions text[] not null default '{}',
  vex jsonb not null,
  evidence jsonb not null,
  statement_id uuid,
  decision_id uuid,
  first_seen timestamptz not null default now(),
  last_changed timestamptz not null default now(),
  primary key (tenant_id, artifact_id, package_id, vuln_id),
  check (num_nonnulls(statement_id, decision_id) = 1)
);
comment on table vex.suppressed_findings is 'Findings that a statement or a decision suppresses, and which.';
create index if not exists ix_suppressed_findings_artifact on vex.suppressed_findings (tenant_id, artifact_purl, score desc);
create index if not exists ix_suppressed_findings_package on vex.suppressed_findings (tenant_id, package_id, vuln_id);
create index if not exists ix_suppressed_findings_vuln on vex.suppressed_findings (tenant_id, vuln_id);
call core.protect('vex.suppressed_findings');

create table if not exists vex.finding_history (
  tenant_id uuid not null,
  artifact_purl text not null,
  artifact_id uuid not null,
  package_id uuid not null,
  vuln_id text not null,
  event text not null check (event in ('opened', 'closed', 'reopened', 'suppressed', 'renamed', 'changed')),
  reason text not null,
  detail jsonb not null default '{}',
  at timestamptz not null default now()
) partition by range (at);
create index if not exists brin_finding_history_at on vex.finding_history using brin (at timestamptz_minmax_multi_ops) with (autosummarize = on);
create index if not exists ix_finding_history_finding on vex.finding_history (tenant_id, artifact_id, package_id, vuln_id, at);
call core.protect('vex.finding_history');
insert into core.partition_policy (parent, step) values ('vex.finding_history', 'month') on conflict do nothing;

create materialized view if not exists vex.mv_artifact_risk as
  select tenant_id, artifact_purl, max(score) as risk_score
  from vex.open_findings
  group by tenant_id, artifact_purl;
create unique index if not exists ux_mv_artifact_risk on vex.mv_artifact_risk (tenant_id, artifact_purl);

create materialized view if not exists vex.mv_triage_queue as
  select tenant_id, vuln_id, package_id,
         min(package_purl collate "C") as package_purl,
         max(score) as score,
         count(*) as artifacts,
         count(*) filter (where vex ->> 'status' = 'under_investigation') as under_investigation,
         bool_or(fixed_versions <> '{}') as fix_available,
         min(first_seen) as first_seen
  from vex.open_findings
  group by tenant_id, vuln_id, package_id;
create unique index if not exists ux_mv_triage_queue on vex.mv_triage_queue (tenant_id, vuln_id, package_id);
create index if not exists ix_mv_triage_queue_score on vex.mv_triage_queue (tenant_id, score desc nulls last, artifacts desc);

create table if not exists vex.view_refresh (
  view_name text primary key,
  refreshed_at timestamptz,
  duration_ms bigint
);
comment on table vex.view_refresh is 'When each materialized view was refreshed last, and how long it took.';
insert into vex.view_refresh (view_name) values ('mv_artifact_risk'), ('mv_triage_queue') on conflict do nothing;

-- What applications read: a materialized view has no row security of its own.
create or replace view vex.artifact_risk with (security_barrier) as
  select tenant_id, artifact_purl, risk_score from vex.mv_artifact_risk
  where tenant_id = (select core.current_tenant());
create or replace view vex.triage_queue with (security_barrier) as
  select * from vex.mv_triage_queue
  where tenant_id = (select core.current_tenant());

insert into core.schema_version (module, version, migration_hash)
values ('vex', 1, '<hash>')
on conflict (module) do update
  set version = excluded.version, applied_at = now(), migration_hash = excluded.migration_hash;
commit;
