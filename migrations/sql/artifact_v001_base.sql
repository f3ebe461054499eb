-- Migration: artifact_v001_base
-- Dependencies: core_v001
begin;

create schema if not exists artifact;

create table if not exists artifact.artifact (
  id uuid not null default gen_random_uuid(),
  tenant_id uuid not null,
  purl text not null,
  name_key text not null default '',
  state text not null default 'active' check (state in ('active', 'retired')),
  state_reason text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id)
);
comment on column artifact.artifact.id is 'UUIDv8 of SHA-256 of tenant and purl, which every writer gives; the default is the specification''s.';
create unique index if not exists ux_artifact_purl on artifact.artifact (tenant_id, purl);
create index if not exists ix_artifact_name on artifact.artifact (tenant_id, name_key);
call core.protect('artifact.artifact');

create table if not exists artifact.stream (
  tenant_id uuid not null,
  artifact_id uuid not null,
  stream text not null,
  document_id bigint not null,
  content_hash bytea not null,
  document_time timestamptz,
  component_count int not null,
  projected_at timestamptz not null default now(),
  primary key (tenant_id, artifact_id, stream)
);
comment on table artifact.stream is 'The current document of each stream, as last projected; written by the projector only.';
call core.protect('artifact.stream');

create table if not exists artifact.signature (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null,
  content_hash bytea not null,
  kind text not null,
  key_id text,
  signature bytea not null,
  verified_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index if not exists ix_signature_tenant_hash on artifact.signature (tenant_id, content_hash);
call core.protect('artifact.signature');

create table if not exists artifact.tag (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null,
  artifact_id uuid not null,
  tag text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (tenant_id, tag, artifact_id)
);
call core.protect('artifact.tag');

insert into core.schema_version (module, version, migration_hash)
values ('artifact', 1, '<hash>')
on conflict (module) do update
  set version = excluded.version, applied_at = now(), migration_hash = excluded.migration_hash;
commit;
