-- Migration: unknowns_v001_base
-- Dependencies: core_v001
begin;

create schema if not exists unknowns;

create table if not exists unknowns.unknown (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null,
  subject_hash text not null,
  kind text not null,
  context jsonb not null,
  valid_from timestamptz not null default now(),
  valid_to timestamptz,
  sys_from timestamptz not null default now(),
  sys_to timestamptz,
  created_at timestamptz not null default now(),
  artifact_id uuid,
  stream text not null default ''
);
comment on column unknowns.unknown.kind is 'Why the component cannot be matched: no-purl, no-version, unknown-ecosystem, unknown-distro, invalid-purl, invalid-version.';
comment on column unknowns.unknown.valid_from is 'Time of the document that listed the component first; valid_to that of the one that no longer does.';
create unique index if not exists unknown_one_open_per_subject
  on unknowns.unknown (tenant_id, subject_hash, kind) where valid_to is null;
create index if not exists ix_unknown_artifact on unknowns.unknown (tenant_id, artifact_id, stream) where valid_to is null;
call core.protect('unknowns.unknown');

-- security_invoker: the reader's row security counts, not the owner's.
create or replace view unknowns.current with (security_invoker = true) as
  select * from unknowns.unknown where valid_to is null;

insert into core.schema_version (module, version, migration_hash)
values ('unknowns', 1, '<hash>')
on conflict (module) do update
  set version = excluded.version, applied_at = now(), migration_hash = excluded.migration_hash;
commit;
