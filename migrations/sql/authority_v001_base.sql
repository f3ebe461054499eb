-- Migration: authority_v001_base
-- Dependencies: core_v001
begin;

create schema if not exists authority;

create table if not exists authority.tenant (
  tenant_id uuid primary key default gen_random_uuid(),
  name text not null unique check (name ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
  settings jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
comment on table authority.tenant is 'Tenants by name. The nil UUID is the shared vulnerability feed.';
call core.protect('authority.tenant');

create table if not exists authority."user" (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null,
  subject text not null,
  display_name text,
  email text,
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (tenant_id, subject)
);
call core.protect('authority."user"');

create table if not exists authority.role (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null,
  name text not null,
  permissions text[] not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (tenant_id, name)
);
call core.protect('authority.role');

create table if not exists authority."grant" (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null,
  user_id uuid not null,
  role_id uuid not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (tenant_id, user_id, role_id)
);
call core.protect('authority."grant"');

create table if not exists authority.oauth_client (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null,
  client_id text not null,
  secret_hash bytea,
  scopes text[] not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (tenant_id, client_id)
);
call core.protect('authority.oauth_client');

create table if not exists authority.oauth_token (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null,
  oauth_client_id uuid not null,
  token_hash bytea not null,
  expires_at timestamptz not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (tenant_id, token_hash)
);
call core.protect('authority.oauth_token');

create table if not exists authority.audit_log (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null,
  actor_id uuid,
  action text not null,
  entity_type text not null,
  entity_id uuid,
  at timestamptz not null default now(),
  diff jsonb not null
);
create index if not exists ix_audit_log_tenant_at on authority.audit_log (tenant_id, at desc);
call core.protect('authority.audit_log');

-- Rows of the audit log are never changed, by nobody.
create or replace function authority.refuse_change() returns trigger
language plpgsql as $$
begin
  raise exception 'authority.audit_log is append-only' using errcode = 'restrict_violation';
end $$;
revoke all on function authority.refuse_change() from public;
create or replace trigger audit_log_append_only
  before update or delete or truncate on authority.audit_log
  for each statement execute function authority.refuse_change();

insert into core.schema_version (module, version, migration_hash)
values ('authority', 1, '<hash>')
on conflict (module) do update
  set version = excluded.version, applied_at = now(), migration_hash = excluded.migration_hash;
commit;
