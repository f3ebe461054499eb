-- Migration: ingest_v001_base
-- Dependencies: core_v001, artifact_v001
--
-- What the import path writes. It only appends; the one table here that is kept
-- by difference, sbom_component, is the projector's.
begin;

create schema if not exists ingest;

-- One row per document, whatever its kind: the bytes as received after unwrapping.
create table if not exists ingest.original (
  tenant_id uuid not null,
  content_hash bytea not null check (length(content_hash) = 32),
  document_id uuid not null,
  kind text not null check (kind in ('sbom', 'vex', 'vuln')),
  format text not null,
  format_version text not null default '',
  size bigint not null,
  encoding text not null check (encoding in ('identity', 'zstd')),
  bytes bytea not null,
  origin text not null,
  scan_run_id bigint not null,
  warnings jsonb,
  received_at timestamptz not null default now(),
  primary key (tenant_id, content_hash)
);
-- The bytes are compressed already; a second try would only burn time.
alter table ingest.original alter column bytes set storage external;
create unique index if not exists ux_original_document on ingest.original (tenant_id, document_id);
create index if not exists ix_original_received on ingest.original (tenant_id, received_at desc, document_id desc);
call core.protect('ingest.original');

create table if not exists ingest.sbom_document (
  id bigserial primary key,
  tenant_id uuid not null,
  artifact_purl text not null,
  content_hash bytea not null,
  doc jsonb not null,
  created_at timestamptz not null default now(),
  -- hot keys as generated columns
  bom_format text generated always as ((doc->>'bomFormat')) stored,
  spec_version text generated always as ((doc->>'specVersion')) stored,
  -- Beyond the specification; with defaults, so that an insert by its columns works.
  document_id uuid not null default gen_random_uuid(),
  external_id text,
  format text not null default '',
  format_version text not null default '',
  artifact_id uuid,
  artifact_from text not null default 'given',
  stream text not null default '',
  document_time timestamptz,
  meaning_hash bytea,
  schema_version int not null default 1,
  supersedes_id bigint,
  component_count int not null default 0,
  bom_serial text,
  scan_run_id bigint
);
create unique index if not exists ux_sbom_doc_hash on ingest.sbom_document (tenant_id, content_hash);
create index if not exists ix_sbom_doc_tenant_artifact on ingest.sbom_document (tenant_id, artifact_purl, created_at desc);
-- A pending list of 128 MiB is merged in bulk instead of every 4 MiB (measured: a fifth of the
-- server time of an import); flushed by the importer when it pauses and after each run.
create index if not exists ix_sbom_doc_json_gin on ingest.sbom_document using gin (doc jsonb_path_ops) with (gin_pending_list_limit = 131072);
create index if not exists ix_sbom_doc_bomformat on ingest.sbom_document (tenant_id, bom_format);
create index if not exists ix_sbom_doc_stream on ingest.sbom_document (tenant_id, artifact_id, stream, document_time desc nulls last, content_hash desc);
create index if not exists ix_sbom_doc_meaning on ingest.sbom_document (tenant_id, meaning_hash);
create index if not exists ix_sbom_doc_serial on ingest.sbom_document (tenant_id, bom_serial) where bom_serial is not null;
call core.protect('ingest.sbom_document');
do $$
begin
  -- lz4 halves the cost of storing a document; not every build of the server has it.
  if 'lz4' = any ((select enumvals from pg_settings where name = 'default_toast_compression')::text[]) then
    alter table ingest.sbom_document alter column doc set compression lz4;
  end if;
end $$;

create table if not exists ingest.document_alias (
  tenant_id uuid not null,
  content_hash bytea not null,
  document_id uuid not null,
  artifact_id uuid not null,
  stream text not null default '',
  document_time timestamptz,
  origin text not null,
  scan_run_id bigint not null,
  created_at timestamptz not null default now(),
  primary key (tenant_id, content_hash)
);
comment on table ingest.document_alias is 'Documents that say the same as a stored one (document_id): only serial number or timestamps differ.';
create index if not exists ix_document_alias_stream on ingest.document_alias (tenant_id, artifact_id, stream, document_time desc nulls last, content_hash desc);
call core.protect('ingest.document_alias');

create table if not exists ingest.sbom_inventory (
  tenant_id uuid not null,
  sbom_document_id bigint not null,
  package_ids uuid[] not null,
  unmatched jsonb not null default '[]',
  created_at timestamptz not null default now(),
  primary key (tenant_id, sbom_document_id)
);
comment on table ingest.sbom_inventory is 'What one SBOM lists: the ids of its packages, sorted, and its components without a package. Immutable.';
call core.protect('ingest.sbom_inventory');

create table if not exists ingest.sbom_component (
  tenant_id uuid not null,
  artifact_id uuid not null,
  stream text not null default '',
  component_id uuid not null,
  package_id uuid,
  created_at timestamptz not null default now(),
  primary key (tenant_id, artifact_id, stream, component_id)
);
comment on table ingest.sbom_component is 'The components of the current document of each stream. component_id is package_id, or a derived id for a component without a package.';
create index if not exists ix_sbom_component_package on ingest.sbom_component (tenant_id, package_id, artifact_id) where package_id is not null;
call core.protect('ingest.sbom_component');

create table if not exists ingest.scan_run (
  id bigserial not null,
  tenant_id uuid not null,
  source text not null,
  arguments text[] not null default '{}',
  started_by text not null default session_user,
  state text not null default 'running' check (state in ('running', 'done', 'stopped', 'failed')),
  counts jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  finished_at timestamptz,
  primary key (tenant_id, id)
);
call core.protect('ingest.scan_run');

create table if not exists ingest.scan_run_event (
  tenant_id uuid not null,
  scan_run_id bigint not null,
  occurred_at timestamptz not null,
  event_type text not null,
  payload jsonb not null,
  event_id uuid not null default gen_random_uuid()
) partition by range (occurred_at);
create index if not exists brin_scan_events_time on ingest.scan_run_event using brin (occurred_at timestamptz_minmax_multi_ops) with (autosummarize = on);
create index if not exists ix_scan_run_event_run on ingest.scan_run_event (tenant_id, scan_run_id, occurred_at);
call core.protect('ingest.scan_run_event');
insert into core.partition_policy (parent, step) values ('ingest.scan_run_event', 'month') on conflict do nothing;

create table if not exists ingest.parked (
  id bigserial not null,
  tenant_id uuid not null,
  content_hash bytea not null,
  document_id uuid not null,
  origin text not null,
  reason text not null,
  pointer text not null default '',
  message text not null default '',
  format text not null default '',
  hints jsonb not null default '{}',
  size bigint not null default 0,
  encoding text not null default 'identity' check (encoding in ('identity', 'zstd')),
  bytes bytea,
  attempts int not null default 1,
  revision text not null default '',
  scan_run_id bigint not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id)
);
comment on column ingest.parked.bytes is 'The document as received; null where it was too large to keep or could not be read.';
comment on column ingest.parked.revision is 'Formats and limits of the program that parked it: with others, the same bytes are tried again.';
alter table ingest.parked alter column bytes set storage external;
create unique index if not exists ux_parked_hash on ingest.parked (tenant_id, content_hash);
create index if not exists ix_parked_reason on ingest.parked (tenant_id, reason, id);
call core.protect('ingest.parked');

create table if not exists ingest.kafka_offset (
  topic text not null,
  topic_partition int not null,
  consumer_group text not null,
  next_offset bigint not null,
  next_entry int not null default 0,
  epoch bigint not null default 1,
  last_record bytea,
  updated_at timestamptz not null default now(),
  primary key (consumer_group, topic, topic_partition)
);
comment on table ingest.kafka_offset is 'Where each topic partition goes on; moved in the transaction of the data. Belongs to the operator, not to a tenant.';

comment on column ingest.kafka_offset.next_entry is 'Documents of the message at next_offset that are stored already: an archive may hold several.';
comment on column ingest.kafka_offset.last_record is 'SHA-256 of timestamp, key and value of the message before next_offset: another one there means another topic of that name.';

create table if not exists ingest.kafka_gap (
  id bigserial primary key,
  consumer_group text not null,
  topic text not null,
  topic_partition int not null,
  reason text not null check (reason in ('retention', 'recreated', 'missing')),
  expected_offset bigint not null,
  found_offset bigint not null,
  message text not null default '',
  created_at timestamptz not null default now()
);
comment on table ingest.kafka_gap is 'Where a topic partition did not go on at the offset that was expected. Belongs to the operator.';

create table if not exists ingest.file_checkpoint (
  tenant_id uuid not null,
  scan_run_id bigint not null,
  path text not null,
  first_entry int not null,
  last_entry int not null,
  complete boolean not null,
  size bigint not null,
  modified_at timestamptz,
  created_at timestamptz not null default now(),
  primary key (tenant_id, scan_run_id, path, first_entry)
);
comment on table ingest.file_checkpoint is 'Which entries of which file a scan run has stored; written in the transaction of the data, dropped when the run is done.';
call core.protect('ingest.file_checkpoint');

insert into core.schema_version (module, version, migration_hash)
values ('ingest', 1, '<hash>')
on conflict (module) do update
  set version = excluded.version, applied_at = now(), migration_hash = excluded.migration_hash;
commit;
