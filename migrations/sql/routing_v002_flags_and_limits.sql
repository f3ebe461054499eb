-- Migration: routing_v002_flags_and_limits
-- Dependencies: core_v001, routing_v001, vex_v002, access_v001
--
-- Feature flags and limits come alive: versions and history that nobody can forget to write, a
-- number that every process looks at to see a change, counters for where there is no Redis. All
-- tables are small or empty, and the check of vex_statement is replaced without reading that table:
-- it allows one word more.
begin;

-- What changed last. A process that has flags or limits in memory compares one number, and reads
-- them again when it is another one. In the transaction of the change: whoever sees the number sees
-- what it stands for.
create table if not exists routing.change (
  what text primary key check (what in ('flag', 'limit')),
  serial bigint not null default 0
);
insert into routing.change (what) values ('flag'), ('limit') on conflict do nothing;
comment on table routing.change is 'One number for flags and one for limits that grows with every change of any tenant. It says that there was one, and nothing else.';

create or replace function routing.note_change() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update routing.change set serial = serial + 1 where what = tg_argv[0];
  return null;
end $$;

create or replace trigger feature_flag_change after insert or update or delete or truncate on routing.feature_flag
  for each statement execute function routing.note_change('flag');
create or replace trigger rate_limit_config_change after insert or update or delete or truncate on routing.rate_limit_config
  for each statement execute function routing.note_change('limit');

-- Whether a version was in force for anybody, whether it was the end of the flag, and who was logged
-- in: changed_by is null where nobody said who acts.
alter table routing.feature_flag_history add column if not exists is_enabled boolean not null default true;
alter table routing.feature_flag_history add column if not exists is_deleted boolean not null default false;
alter table routing.feature_flag_history add column if not exists login text not null default session_user;
create index if not exists ix_feature_flag_history_key on routing.feature_flag_history (tenant_id, key, version desc);

-- A version is never used twice, even where a flag is deleted and made anew: caches go by it.
create or replace function routing.number_flag() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if tg_op = 'INSERT' then
    select coalesce(max(h.version), 0) + 1 into new.version
    from routing.feature_flag_history h where h.tenant_id = new.tenant_id and h.key = new.key;
    return new;
  end if;
  if new.tenant_id <> old.tenant_id or new.key <> old.key or new.id <> old.id then
    raise exception 'a flag keeps its tenant, its key and its id: delete it and make another' using errcode = 'insufficient_privilege';
  end if;
  new.version := old.version;
  if new.rules <> old.rules or new.is_enabled <> old.is_enabled then
    new.version := old.version + 1;
    new.updated_at := now();
  end if;
  return new;
end $$;

create or replace function routing.keep_flag() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  r routing.feature_flag;
begin
  if tg_op = 'UPDATE' and new.version = old.version then
    return null;
  end if;
  r := case when tg_op = 'DELETE' then old else new end;
  insert into routing.feature_flag_history (feature_flag_id, tenant_id, key, rules, version, is_enabled, is_deleted, changed_by)
  values (r.id, r.tenant_id, r.key, r.rules, r.version + case when tg_op = 'DELETE' then 1 else 0 end, r.is_enabled, tg_op = 'DELETE',
    nullif(current_setting('app.user_id', true), '')::uuid);
  return null;
end $$;

create or replace trigger feature_flag_number before insert or update on routing.feature_flag
  for each row execute function routing.number_flag();
create or replace trigger feature_flag_keep after insert or update or delete on routing.feature_flag
  for each row execute function routing.keep_flag();
revoke all on function routing.note_change(), routing.number_flag(), routing.keep_flag() from public;

-- What is set for the nil UUID holds for every tenant that has not set it itself. The program's roles
-- see it; a tenant's auditor does not, for a rule may name other tenants.
do $$
declare
  t text;
  roles text := access.role('sluice_maintainer');
begin
  if roles = 'sluice_maintainer' then
    roles := 'sluice_ingest, sluice_projector, sluice_maintainer';
  end if;
  foreach t in array array['routing.feature_flag', 'routing.rate_limit_config'] loop
    execute format('drop policy if exists p_shared on %s', t);
    execute format('create policy p_shared on %s for select to %s using (tenant_id = ''00000000-0000-0000-0000-000000000000''::uuid)', t, roles);
  end loop;
end $$;

-- Limits of bytes are larger than an int.
alter table routing.rate_limit_config add column if not exists unit int not null default 1 check (unit > 0);
comment on column routing.rate_limit_config.unit is 'limit_per_interval counts in this unit: 1, 1000, 1048576.';
comment on column routing.rate_limit_config.limit_per_interval is 'In units; -1 is no limit, for a tenant that the limit for all shall not bind.';
comment on column routing.rate_limit_config.interval_seconds is 'How long an interval is; 0 for what is stored, which has none.';

-- What was used in each interval, where Redis does not count it. A row lives as long as its key would there.
create table if not exists routing.rate_limit_counter (
  tenant_id uuid not null,
  bucket text not null,
  interval_number bigint not null,
  used bigint not null,
  expires_at timestamptz not null,
  primary key (tenant_id, bucket, interval_number)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
comment on table routing.rate_limit_counter is 'What a tenant has used of a limit in an interval, while there is no Redis. bucket: the key and the length of the interval.';
call core.protect('routing.rate_limit_counter');

-- A statement whose issuer is not trusted is kept and decides nothing.
alter table vex.vex_statement drop constraint if exists vex_statement_outcome_check;
alter table vex.vex_statement add constraint vex_statement_outcome_check
  check (outcome in ('pending', 'applied', 'superseded', 'no_such_product', 'no_such_vulnerability', 'unreadable_product', 'ended', 'untrusted_issuer')) not valid;

do $$
begin
  if access.role('sluice_maintainer') <> 'sluice_maintainer' then
    return; -- one user owns everything: there is nobody to grant to
  end if;
  execute 'grant select on routing.change to sluice_reader, sluice_maintainer';
  -- maintainer: sets flags and limits; the history only grows
  execute 'grant select, insert, update, delete on routing.feature_flag, routing.rate_limit_config to sluice_maintainer';
  execute 'grant select, insert on routing.feature_flag_history to sluice_maintainer';
  execute 'grant select on routing.rate_limit_counter to sluice_reader, sluice_maintainer';
  -- and asks for what a flag decides about to be projected again
  execute 'grant insert on core.job_queue to sluice_maintainer';
  execute 'grant usage on sequence core.job_queue_id_seq to sluice_maintainer';
  -- ingest: counts
  execute 'grant insert, update, delete on routing.rate_limit_counter to sluice_ingest';
end $$;

insert into core.schema_version (module, version, migration_hash)
values ('routing', 2, '<hash>')
on conflict (module) do update
  set version = excluded.version, applied_at = now(), migration_hash = excluded.migration_hash;
commit;
