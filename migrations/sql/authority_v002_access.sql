-- Migration: authority_v002_access
-- Dependencies: authority_v001, access_v001
--
-- Users, clients and tokens come to life. The tables are empty but where somebody wrote into them by
-- hand: adding the columns rewrites nothing, and the locks are held for milliseconds.
begin;

alter table authority."user" add column if not exists issuer text not null default '';
comment on column authority."user".issuer is 'Who says that it is this subject: the URL of an OIDC issuer, or kafka; empty: nobody but us, by tokens.';

alter table authority.oauth_client
  add column if not exists issuer text not null default '',
  add column if not exists subject text,
  add column if not exists is_active boolean not null default true,
  add column if not exists previous_hash bytea,
  add column if not exists previous_until timestamptz;
-- Who signs in as a subject is one client of the tenant.
create unique index if not exists ux_oauth_client_subject on authority.oauth_client (tenant_id, issuer, subject) where subject is not null;

-- A token is a user's or a client's.
alter table authority.oauth_token
  alter column oauth_client_id drop not null,
  add column if not exists user_id uuid,
  add column if not exists name text not null default '',
  add column if not exists hint text not null default '',
  add column if not exists scopes text[] not null default '{}',
  add column if not exists last_used_at timestamptz,
  add column if not exists revoked_at timestamptz,
  add column if not exists created_by uuid;
alter table authority.oauth_token drop constraint if exists oauth_token_owner;
alter table authority.oauth_token add constraint oauth_token_owner check (num_nonnulls(user_id, oauth_client_id) = 1);

do $$
begin
  if access.role('sluice_maintainer') <> 'sluice_maintainer' then
    return; -- one user owns everything: there is nobody to grant to
  end if;
  -- An auditor sees who may what, and no hash.
  grant select on authority."user", authority.role, authority."grant" to sluice_reader;
  grant select (tenant_id, id, client_id, scopes, issuer, subject, is_active, previous_until, created_at, updated_at) on authority.oauth_client to sluice_reader;
  grant select (tenant_id, id, user_id, oauth_client_id, name, hint, scopes, expires_at, last_used_at, revoked_at, created_by, created_at, updated_at) on authority.oauth_token to sluice_reader;

  -- The maintainer, who makes tenants, says who may act in them, in the name of one at a time. What a
  -- token is and may is written once: it is made, used and revoked, never altered.
  grant select, insert on authority."user", authority.role, authority."grant", authority.oauth_client, authority.oauth_token to sluice_maintainer;
  grant update (display_name, email, is_active, updated_at) on authority."user" to sluice_maintainer;
  grant update (permissions, updated_at) on authority.role to sluice_maintainer;
  grant update (secret_hash, previous_hash, previous_until, scopes, is_active, updated_at) on authority.oauth_client to sluice_maintainer;
  grant update (last_used_at, revoked_at, updated_at) on authority.oauth_token to sluice_maintainer;
  grant delete on authority.role, authority."grant", authority.oauth_token to sluice_maintainer;
end $$;

insert into core.schema_version (module, version, migration_hash)
values ('authority', 2, '<hash>')
on conflict (module) do update
  set version = excluded.version, applied_at = now(), migration_hash = excluded.migration_hash;
commit;
