-- Migration: core_v001_base
-- Dependencies: none
--
-- The schema of what every module leans on: versions, the tenant of the transaction,
-- the job queue, the outbox, partition policies.
begin;

create schema if not exists core;

create table if not exists core.schema_version (
  module text primary key,
  version int not null,
  applied_at timestamptz not null default now(),
  migration_hash text not null
);
comment on table core.schema_version is 'The newest script applied per module; the whole history is core.schema_migration.';

create table if not exists core.schema_migration (
  module text not null,
  version int not null,
  script text not null,
  migration_hash text not null,
  applied_at timestamptz not null default now(),
  applied_by text not null default session_user,
  primary key (module, version)
);
comment on table core.schema_migration is 'Every script that was applied, with the SHA-256 of its text: an edited script is found even when newer ones followed.';

-- The tenant of the transaction; null, and so no row at all, when none is set.
-- A login role named sluice_reader_<32 hex digits> is bound to that tenant for good:
-- for it the setting is not looked at, so an auditor with psql cannot leave his tenant.
-- Nobody who writes as sluice_ingest can be the shared tenant, whose rows every tenant
-- reads; sluice_feed can. Where one user owns everything there are no such roles.
create or replace function core.current_tenant() returns uuid
language sql stable parallel safe
return case
  when starts_with(session_user::text, 'sluice_reader_') and length(session_user::text) = 46
    then substr(session_user::text, 15)::uuid
  when nullif(current_setting('app.tenant_id', true), '')::uuid = '00000000-0000-0000-0000-000000000000'
    and pg_has_role(to_regrole('sluice_ingest'), 'usage') and not pg_has_role(to_regrole('sluice_feed'), 'usage')
    then null
  -- What came without a known tenant is for those who run the system.
  when nullif(current_setting('app.tenant_id', true), '')::uuid = 'ffffffff-ffff-ffff-ffff-ffffffffffff'
    and to_regrole('sluice_ingest') is not null
    and not pg_has_role(to_regrole('sluice_ingest'), 'usage') and not pg_has_role(to_regrole('sluice_maintainer'), 'usage')
    then null
  else nullif(current_setting('app.tenant_id', true), '')::uuid
end;
comment on function core.current_tenant() is 'The tenant of this transaction, set by set_config(''app.tenant_id'', ..., true); null when unset.';

-- The tenant that owns the shared vulnerability feed.
create or replace function core.shared_tenant() returns uuid
language sql immutable parallel safe
return '00000000-0000-0000-0000-000000000000'::uuid;

-- Puts a table under tenant row security, by specification section 2.2.
create or replace procedure core.protect(target regclass)
language plpgsql as $$
declare
  name text := (select relname from pg_class where oid = target);
begin
  execute format('alter table %s enable row level security', target);
  execute format('alter table %s force row level security', target);
  if not exists (select from pg_policy where polrelid = target and polname = 'p_' || name || '_tenant') then
    execute format(
      'create policy %I on %s for all using (tenant_id = (select core.current_tenant())) with check (tenant_id = (select core.current_tenant()))',
      'p_' || name || '_tenant', target);
  end if;
end $$;
revoke all on procedure core.protect(regclass) from public;

create table if not exists core.job_queue (
  id bigserial primary key,
  tenant_id uuid,
  kind text not null,
  payload jsonb not null,
  run_after timestamptz default now(),
  attempts int default 0,
  locked_at timestamptz,
  locked_by text,
  lease_token uuid,
  lease_until timestamptz,
  max_attempts int not null default 20,
  last_error text,
  dedup_key text,
  created_at timestamptz not null default now()
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
comment on table core.job_queue is 'Projection jobs. Producers append; workers lease, then delete in the transaction of the work.';
create index if not exists ix_job_ready on core.job_queue (kind, run_after, id) where locked_at is null;
create index if not exists ix_job_tenant_ready on core.job_queue (tenant_id, id) where locked_at is null;
create index if not exists ix_job_leased on core.job_queue (lease_until) where locked_at is not null;
call core.protect('core.job_queue');

create table if not exists core.outbox (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid,
  aggregate_type text not null,
  aggregate_id uuid,
  topic text not null,
  payload jsonb not null,
  created_at timestamptz not null default now(),
  dispatched_at timestamptz,
  dispatch_attempts int not null default 0,
  error text,
  -- Beyond the specification: the order of sending, and when a refused one is tried again.
  seq bigserial not null,
  next_attempt_at timestamptz
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
comment on table core.outbox is 'What is to be sent to Kafka, written in the transaction of what it tells of. aggregate_type batch: payload is an array of messages, in order.';
-- It stays for an hour: not worth compressing.
alter table core.outbox alter column payload set storage external;
create index if not exists ix_outbox_pending on core.outbox (topic, seq) where dispatched_at is null;
create index if not exists ix_outbox_dispatched on core.outbox (dispatched_at) where dispatched_at is not null;
call core.protect('core.outbox');

-- What is put into the outbox at all: nothing piles up where no relay ever ran.
create table if not exists core.outbox_route (
  name text primary key check (name in ('receipts', 'findings', 'parked')),
  enabled boolean not null default false,
  updated_at timestamptz not null default now()
);
comment on table core.outbox_route is 'Which messages are written into the outbox; a relay that starts enables its own. Receipts of documents from Kafka are written always.';
insert into core.outbox_route (name) values ('receipts'), ('findings'), ('parked') on conflict do nothing;

create table if not exists core.partition_policy (
  parent text primary key,
  step text not null check (step in ('day', 'week', 'month')),
  next_step text check (next_step in ('day', 'week', 'month')),
  next_step_from timestamptz,
  premake int not null default 3 check (premake between 1 and 1000),
  premake_for interval not null default '45 days' check (premake_for between interval '0' and interval '5 years'),
  behind int not null default 1 check (behind between 0 and 1000),
  max_past interval not null default '10 years' check (max_past between interval '0' and interval '1000 years'),
  max_future interval not null default '400 days' check (max_future between interval '0' and interval '100 years'),
  retention interval check (retention > interval '0'),
  on_expiry text not null default 'keep' check (on_expiry in ('keep', 'detach', 'drop', 'export')),
  storage text[] not null default '{}',
  tablespace text,
  closed_until timestamptz,
  analyzed_at timestamptz,
  last_success timestamptz,
  last_error text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  check ((next_step is null) = (next_step_from is null))
);
comment on table core.partition_policy is 'How each time-partitioned table is cut: step, partitions ahead and behind, what happens to old ones; and when that was done last.';

create table if not exists core.retired_partition (
  id uuid primary key default gen_random_uuid(),
  parent text not null,
  name text not null,
  relid oid not null,
  low timestamptz not null,
  high timestamptz not null,
  on_expiry text not null check (on_expiry in ('detach', 'drop', 'export')),
  state text not null default 'detaching' check (state in ('detaching', 'detached', 'exported', 'dropped', 'attached')),
  file text,
  row_count bigint,
  sha256 text,
  hold_until timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
comment on table core.retired_partition is 'Every partition that was retired, and how far that got: what a run that was cut short left, the next one finishes.';
create unique index if not exists ux_retired_partition_open on core.retired_partition (parent, relid) where state in ('detaching', 'detached', 'exported');

create table if not exists core.maintenance (
  task text primary key,
  last_started timestamptz,
  last_success timestamptz,
  last_error text,
  duration_ms bigint,
  rows bigint not null default 0,
  bytes bigint not null default 0,
  what text not null default '',
  failures bigint not null default 0,
  state jsonb not null default '{}',
  updated_at timestamptz not null default now()
);
comment on table core.maintenance is 'The tasks of maintenance: when each ran last, whoever ran it, and what came of it. Belongs to the operator.';

-- Gives a partition the row security of its parent, and takes from it what others may do
-- by default privileges: who may read a partition reads past the policies of its parent.
create or replace procedure core.protect_partition(target regclass, parent regclass)
language plpgsql as $$
declare
  others text;
begin
  if (select relrowsecurity from pg_class where oid = parent) then
    call core.protect(target);
  end if;
  select string_agg(distinct case a.grantee when 0 then 'public' else a.grantee::regrole::text end, ', ') into others
  from pg_class c, aclexplode(c.relacl) a where c.oid = target and a.grantee <> c.relowner;
  if others is not null then
    execute format('revoke all on %s from %s', target, others);
  end if;
end $$;
revoke all on procedure core.protect_partition(regclass, regclass) from public;

insert into core.schema_version (module, version, migration_hash)
values ('core', 1, '<hash>')
on conflict (module) do update
  set version = excluded.version, applied_at = now(), migration_hash = excluded.migration_hash;
commit;
