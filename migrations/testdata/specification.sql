-- The SQL statements of the specification (postgresql-patterns.md), verbatim, one after the
-- other. A line that starts with --- opens a statement: the section, its kind, and options.
--
--   columns  the columns that section 2.1 asks of every table
--   ddl      makes or changes an object
--   query    reads or writes rows; as= the role that runs it
--
-- <...> stands where the specification has a placeholder; for= names the tables that a
-- statement is run for. Sections 1, 7, 8, 13 and 15 show no SQL statement.

--- 2.1 columns for=authority.user,authority.role,authority.grant,authority.oauth_client,authority.oauth_token,vex.package,artifact.artifact,artifact.signature,artifact.tag
id uuid primary key default gen_random_uuid()
tenant_id uuid not null
created_at timestamptz not null default now()
updated_at timestamptz not null default now()

--- 2.2 ddl for=ingest.sbom_document,vex.open_findings,unknowns.unknown,core.job_queue,routing.instance
alter table <schema>.<table> enable row level security;

--- 2.2 ddl for=ingest.sbom_document,vex.open_findings,unknowns.unknown,core.job_queue,routing.instance
create policy p_<table>_tenant on <schema>.<table>
  for all using (tenant_id = current_setting('app.tenant_id')::uuid);

--- 2.3 query as=sluice_reader
select set_config('app.user_id', '<uuid>', false);

--- 2.3 query as=sluice_reader
select set_config('app.tenant_id', '<uuid>', false);

--- 2.3 query as=sluice_reader
select set_config('app.roles', 'role1,role2', false);

--- 3.1 ddl for=vex.vex_document,artifact.signature
create table <schema>.<table> (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null,
  external_id uuid,
  content_hash bytea not null,
  doc jsonb not null,
  schema_version int not null,
  created_at timestamptz not null default now(),
  supersedes_id bigint null
);

--- 3.1 ddl for=vex.vex_document,artifact.signature
create unique index on <schema>.<table> (tenant_id, content_hash);

--- 3.2 ddl
create table vex.vuln_fact (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null,
  source text not null,
  external_id text,
  payload jsonb not null,
  schema_version int not null,
  received_at timestamptz not null default now()
);

--- 3.2 ddl
create table vex.vex_decision (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null,
  package_id uuid not null,
  vuln_id text not null,
  status text check (status in ('not_affected','affected','fixed','under_investigation')),
  rationale text,
  proof_ref text,
  decided_by uuid,
  decided_at timestamptz not null default now(),
  unique (tenant_id, package_id, vuln_id)
);

--- 3.3 ddl
create table job_queue (
  id bigserial primary key,
  tenant_id uuid,
  kind text not null,
  payload jsonb not null,
  run_after timestamptz default now(),
  attempts int default 0,
  locked_at timestamptz,
  locked_by text
);

--- 3.3 ddl
create index ix_job_ready on job_queue(kind, run_after, id) where locked_at is null;

--- 3.3 query as=sluice_projector args=test,worker
-- Claim a job
with cte as (
  select id from job_queue
  where kind = $1 and run_after <= now() and locked_at is null
  order by id
  for update skip locked
  limit 1
)
update job_queue j set locked_at = now(), locked_by = $2
from cte where j.id = cte.id
returning j.*;

--- 3.4 ddl
create table unknowns.unknown (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null,
  subject_hash text not null,
  kind text not null,
  context jsonb not null,
  valid_from timestamptz not null default now(),
  valid_to timestamptz,
  sys_from timestamptz not null default now(),
  sys_to timestamptz,
  created_at timestamptz not null default now()
);

--- 3.4 ddl
create unique index unknown_one_open_per_subject
  on unknowns.unknown (tenant_id, subject_hash, kind) where valid_to is null;

--- 3.4 ddl
create view unknowns.current as
  select * from unknowns.unknown where valid_to is null;

--- 3.5 ddl
create table authority.audit_log (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null,
  actor_id uuid,
  action text not null,
  entity_type text not null,
  entity_id uuid,
  at timestamptz not null default now(),
  diff jsonb not null
);

--- 3.6 ddl
create table core.outbox (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid,
  aggregate_type text not null,
  aggregate_id uuid,
  topic text not null,
  payload jsonb not null,
  created_at timestamptz not null default now(),
  dispatched_at timestamptz,
  dispatch_attempts int not null default 0,
  error text
);

--- 4 ddl
create table sbom_document (
  id bigserial primary key,
  tenant_id uuid not null,
  artifact_purl text not null,
  content_hash bytea not null,
  doc jsonb not null,
  created_at timestamptz not null default now(),
  -- hot keys as generated columns
  bom_format text generated always as ((doc->>'bomFormat')) stored,
  spec_version text generated always as ((doc->>'specVersion')) stored
);

--- 4 ddl
create unique index ux_sbom_doc_hash on sbom_document(tenant_id, content_hash);

--- 4 ddl
create index ix_sbom_doc_tenant_artifact on sbom_document(tenant_id, artifact_purl, created_at desc);

--- 4 ddl
create index ix_sbom_doc_json_gin on sbom_document using gin (doc jsonb_path_ops);

--- 4 ddl
create index ix_sbom_doc_bomformat on sbom_document(tenant_id, bom_format);

--- 5 ddl
create materialized view mv_artifact_risk as
  select tenant_id, artifact_purl, max(score) as risk_score
  from open_findings
  group by tenant_id, artifact_purl;

--- 5 ddl
create unique index ux_mv_artifact_risk on mv_artifact_risk(tenant_id, artifact_purl);

--- 5 query as=sluice_views
-- Refresh
refresh materialized view concurrently mv_artifact_risk;

--- 6 ddl
create table scan_run_event (
  tenant_id uuid not null,
  scan_run_id bigint not null,
  occurred_at timestamptz not null,
  event_type text not null,
  payload jsonb not null
) partition by range (occurred_at);

--- 6 ddl
create index brin_scan_events_time on scan_run_event using brin (occurred_at);

--- 9 ddl
create table routing.feature_flag (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null,
  key text not null,
  rules jsonb not null,
  version int not null default 1,
  is_enabled boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (tenant_id, key)
);

--- 9 ddl
create table routing.feature_flag_history (
  id uuid primary key default gen_random_uuid(),
  feature_flag_id uuid not null,
  tenant_id uuid not null,
  key text not null,
  rules jsonb not null,
  version int not null,
  changed_at timestamptz not null default now(),
  changed_by uuid
);

--- 10 ddl
create table routing.rate_limit_config (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null,
  key text not null,
  limit_per_interval int not null,
  interval_seconds int not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (tenant_id, key)
);

--- 11 ddl
create table routing.instance (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null,
  instance_key text not null,
  domain text not null,
  last_heartbeat timestamptz not null default now(),
  status text not null check (status in ('active','draining','offline')),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (tenant_id, instance_key),
  unique (tenant_id, domain)
);

--- 12.1 ddl
create table core.schema_version (
  module text primary key,
  version int not null,
  applied_at timestamptz not null default now(),
  migration_hash text not null
);

--- 12.2 query as=sluice_owner
-- Migration: <module>_v<NNN>_<description>
-- Dependencies: <module>_v<NNN-1>
begin;
-- Schema changes
create table if not exists <schema>.<table> (...);
-- Data migrations (if needed)
-- Update version
insert into core.schema_version (module, version, migration_hash)
values ('<module>', <version>, '<hash>')
on conflict (module) do update
  set version = excluded.version, applied_at = now(), migration_hash = excluded.migration_hash;
commit;

--- 14.2 ddl
create extension if not exists pg_stat_statements;

--- 14.2 query as=sluice_monitor
-- Top 10 slowest queries
select substring(query, 1, 100) as query_snippet, calls,
       total_exec_time / 1000 as total_time_sec,
       mean_exec_time as mean_time_ms, max_exec_time as max_time_ms
from pg_stat_statements
order by total_exec_time desc
limit 10;

--- 16.3 ddl
create extension if not exists pgaudit;
