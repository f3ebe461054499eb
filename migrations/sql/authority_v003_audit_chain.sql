-- Migration: authority_v003_audit_chain
-- Dependencies: core_v001, authority_v001, access_v001
--
-- The audit log becomes a hash chain per tenant: an entry that is edited, taken out or put in by
-- somebody who is above the rules is found. docs/audit.md has the form of a line, docs/design/0025 why
-- it is done like this. What is logged already is chained here, in the order of its times: some
-- thousand rows per second, during which nothing is added to the log.
begin;

-- Where each chain ends. Whoever appends locks this row, and only at the end of its transaction.
create table if not exists authority.audit_head (
  tenant_id uuid primary key,
  seq bigint not null default 0,
  hash bytea not null default decode(repeat('00', 32), 'hex'),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
) with (fillfactor = 50);
comment on table authority.audit_head is 'The newest link of each tenant''s audit chain.';
call core.protect('authority.audit_head');

create table if not exists authority.audit_chain (
  tenant_id uuid not null,
  seq bigint not null,
  audit_id uuid not null,
  login text,
  prev bytea not null,
  hash bytea not null,
  primary key (tenant_id, seq),
  unique (tenant_id, audit_id)
);
comment on table authority.audit_chain is 'The place of each entry of the audit log in the chain of its tenant, and the hash of the entry before.';
comment on column authority.audit_chain.seq is 'From 1, without gaps.';
comment on column authority.audit_chain.login is 'Database login that wrote the entry, part of the hashed line; null where the entry is older than the chain.';
comment on column authority.audit_chain.hash is 'SHA-256 of authority.audit_line: the line holds the hash of the one before.';
call core.protect('authority.audit_chain');

-- What was exported and deleted: the chain goes on from here.
create table if not exists authority.audit_cut (
  tenant_id uuid not null,
  seq bigint not null,
  hash bytea not null,
  entries bigint not null,
  file text not null,
  created_at timestamptz not null default now(),
  primary key (tenant_id, seq)
);
comment on table authority.audit_cut is 'Up to which entry a tenant''s audit log was exported and deleted, and that entry''s hash.';
call core.protect('authority.audit_cut');

-- The line of an entry: JSON whose SHA-256 is the entry's hash. Members in this order, without spaces
-- around them; times in UTC; diff as PostgreSQL writes jsonb. Both this text and the statement in
-- internal/audit that verifies have to agree for ever.
create or replace function authority.audit_line(seq bigint, prev bytea, login text, entry authority.audit_log) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select '{"seq":' || seq || ',"prev":"' || encode(prev, 'hex')
    || '","tenant_id":"' || entry.tenant_id || '","id":"' || entry.id
    || '","at":"' || (to_json(entry.at at time zone 'UTC') #>> '{}') || 'Z"'
    || ',"login":' || coalesce(to_json(login)::text, 'null')
    || ',"actor_id":' || coalesce('"' || entry.actor_id || '"', 'null')
    || ',"action":' || to_json(entry.action) || ',"entity_type":' || to_json(entry.entity_type)
    || ',"entity_id":' || coalesce('"' || entry.entity_id || '"', 'null')
    || ',"diff":' || entry.diff || '}'
$$;

-- For psql: the log with its chain. A line and the hash beside it can be checked with any SHA-256.
create or replace view authority.audit_trail with (security_invoker = true) as
  select c.tenant_id, c.seq, l.at, c.login, l.actor_id, l.action, l.entity_type, l.entity_id, l.diff,
         encode(c.prev, 'hex') as prev, encode(c.hash, 'hex') as hash, authority.audit_line(c.seq, c.prev, c.login, l) as line
  from authority.audit_chain c join authority.audit_log l on l.tenant_id = c.tenant_id and l.id = c.audit_id;

-- Notes for which tenants the transaction has entries, so that their chains are locked in one order
-- at its end: two transactions with entries of the same tenants cannot wait for each other.
create or replace function authority.note_chain() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  noted text := coalesce(current_setting('app.audit_tenants', true), '');
begin
  if position(new.tenant_id::text in noted) = 0 then
    perform set_config('app.audit_tenants', ltrim(noted || ',' || new.tenant_id, ','), true);
  end if;
  return new;
end $$;

-- Appends an entry to the chain of its tenant. Deferred to the end of the transaction: the chain is
-- locked when everything else that the transaction needs is locked already, and until its commit is
-- written; so it delays nobody longer than that, and can be part of no circle of waiters. The
-- policies let sluice_views past the tenant of the transaction, which may be another one by then.
create or replace function authority.chain_entry() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set row_security = on
as $$
declare
  before text := coalesce(current_setting('app.views', true), '');
  noted text := coalesce(current_setting('app.audit_tenants', true), '');
  head authority.audit_head;
  tenant uuid;
  sum bytea;
begin
  perform set_config('app.views', 'on', true);
  for tenant in select distinct t from unnest(string_to_array(noted, ',')::uuid[] || new.tenant_id) t order by t loop
    insert into authority.audit_head (tenant_id) values (tenant) on conflict do nothing;
    perform from authority.audit_head h where h.tenant_id = tenant for update;
  end loop;
  perform set_config('app.audit_tenants', '', true); -- all are locked now
  select * into strict head from authority.audit_head h where h.tenant_id = new.tenant_id for update;
  sum := sha256(convert_to(authority.audit_line(head.seq + 1, head.hash, session_user, new), 'UTF8'));
  insert into authority.audit_chain (tenant_id, seq, audit_id, login, prev, hash)
  values (new.tenant_id, head.seq + 1, new.id, session_user, head.hash, sum);
  update authority.audit_head h set seq = head.seq + 1, hash = sum, updated_at = now() where h.tenant_id = new.tenant_id;
  perform set_config('app.views', before, true);
  return null;
end $$;

-- As before nothing is changed by anybody; what is deleted must have been cut off before.
create or replace function authority.refuse_change() returns trigger
language plpgsql as $$
begin
  raise exception '%.% is append-only', tg_table_schema, tg_table_name using errcode = 'restrict_violation';
end $$;

create or replace function authority.refuse_delete() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set row_security = on
as $$
declare
  before text := coalesce(current_setting('app.views', true), '');
  retired boolean;
begin
  perform set_config('app.views', 'on', true);
  if tg_table_name = 'audit_log' then
    select exists (
      select from authority.audit_chain c join authority.audit_cut k on k.tenant_id = c.tenant_id and k.seq >= c.seq
      where c.tenant_id = old.tenant_id and c.audit_id = old.id) into retired;
  else
    select exists (select from authority.audit_cut k where k.tenant_id = old.tenant_id and k.seq >= old.seq) into retired;
  end if;
  perform set_config('app.views', before, true);
  if not retired then
    raise exception '%.% is append-only', tg_table_schema, tg_table_name using errcode = 'restrict_violation';
  end if;
  return old;
end $$;

-- Deletes the entries of a tenant up to one whose hash the caller knows, because it has exported
-- them; in the tenant's own transaction only. The cut is an entry itself. Returns how many went.
create or replace function authority.cut_audit(through bigint, through_hash bytea, file text) returns bigint
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set row_security = on
as $$
declare
  before text := coalesce(current_setting('app.views', true), '');
  tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
  first bigint;
  gone bigint;
begin
  perform set_config('app.views', 'on', true);
  perform pg_advisory_xact_lock(hashtextextended('sluice.audit.cut ' || tenant, 0)); -- one at a time
  select min(c.seq) into first from authority.audit_chain c where c.tenant_id = tenant;
  if not exists (select from authority.audit_chain c where c.tenant_id = tenant and c.seq = through and c.hash = through_hash) then
    raise exception 'the audit chain has no entry % with that hash', through using errcode = 'no_data_found';
  end if;
  insert into authority.audit_cut (tenant_id, seq, hash, entries, file) values (tenant, through, through_hash, through - first + 1, file);
  delete from authority.audit_log l using authority.audit_chain c
  where c.tenant_id = tenant and c.seq <= through and l.tenant_id = tenant and l.id = c.audit_id;
  delete from authority.audit_chain c where c.tenant_id = tenant and c.seq <= through;
  get diagnostics gone = row_count;
  insert into authority.audit_log (tenant_id, actor_id, action, entity_type, diff)
  values (tenant, nullif(current_setting('app.user_id', true), '')::uuid, 'audit.retire', 'audit_log',
          jsonb_build_object('before', jsonb_build_object('first', first), 'after', jsonb_build_object('first', through + 1, 'hash', encode(through_hash, 'hex'), 'file', file)));
  perform set_config('app.views', before, true);
  return gone;
end $$;

-- How event tables are cut, and which partitions went where, is the operator's business: whoever changes
-- it, a pass from cron or somebody with psql, the entry is his. Notes of passes are no change.
create or replace function authority.note_partitions() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set row_security = on
as $$
declare
  views text := coalesce(current_setting('app.views', true), '');
  passes text[] := '{created_at,updated_at,closed_until,analyzed_at,last_success,last_error}';
  before jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) - passes end;
  after jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) - passes end;
begin
  if tg_table_name = 'partition_policy' and before is distinct from after
    or tg_table_name = 'retired_partition' and before ->> 'state' is distinct from after ->> 'state' then
    perform set_config('app.views', 'on', true);
    insert into authority.audit_log (tenant_id, actor_id, action, entity_type, diff)
    values ('ffffffff-ffff-ffff-ffff-ffffffffffff', nullif(current_setting('app.user_id', true), '')::uuid,
            'partition.' || coalesce(after ->> 'state', 'set'),
            tg_table_name, jsonb_build_object('before', before, 'after', after));
    perform set_config('app.views', views, true);
  end if;
  return null;
end $$;
create or replace trigger partition_policy_audit
  after insert or update or delete on core.partition_policy
  for each row execute function authority.note_partitions();
create or replace trigger retired_partition_audit
  after insert or update on core.retired_partition
  for each row execute function authority.note_partitions();

revoke all on function authority.audit_line(bigint, bytea, text, authority.audit_log), authority.note_chain(), authority.chain_entry(),
  authority.refuse_delete(), authority.cut_audit(bigint, bytea, text), authority.note_partitions() from public;

-- The owner is no tenant: what is there already is seen without the policies, until the end.
alter table authority.audit_log no force row level security;
alter table authority.audit_head no force row level security;
alter table authority.audit_chain no force row level security;
lock table authority.audit_log in share row exclusive mode;
do $$
declare
  entry authority.audit_log;
  tenant uuid;
  place bigint;
  last bytea;
  sum bytea;
begin
  for entry in
    select l.* from authority.audit_log l
    where not exists (select from authority.audit_chain c where c.tenant_id = l.tenant_id and c.audit_id = l.id)
    order by l.tenant_id, l.at, l.id
  loop
    if tenant is distinct from entry.tenant_id then
      -- Once per tenant: every version of a row is looked at by the next update of it.
      update authority.audit_head h set seq = place, hash = last where h.tenant_id = tenant;
      tenant := entry.tenant_id;
      insert into authority.audit_head (tenant_id) values (tenant) on conflict do nothing;
      select h.seq, h.hash into place, last from authority.audit_head h where h.tenant_id = tenant;
    end if;
    place := place + 1;
    sum := sha256(convert_to(authority.audit_line(place, last, null, entry), 'UTF8'));
    insert into authority.audit_chain (tenant_id, seq, audit_id, login, prev, hash) values (tenant, place, entry.id, null, last, sum);
    last := sum;
  end loop;
  update authority.audit_head h set seq = place, hash = last where h.tenant_id = tenant;
end $$;
alter table authority.audit_log force row level security;
alter table authority.audit_head force row level security;
alter table authority.audit_chain force row level security;

create or replace trigger audit_log_append_only
  before update or truncate on authority.audit_log
  for each statement execute function authority.refuse_change();
create or replace trigger audit_log_cut
  before delete on authority.audit_log
  for each row execute function authority.refuse_delete();
create or replace trigger audit_log_tenant
  before insert on authority.audit_log
  for each row execute function authority.note_chain();
drop trigger if exists audit_log_chain on authority.audit_log;
create constraint trigger audit_log_chain
  after insert on authority.audit_log deferrable initially deferred
  for each row execute function authority.chain_entry();
create or replace trigger audit_chain_append_only
  before update or truncate on authority.audit_chain
  for each statement execute function authority.refuse_change();
create or replace trigger audit_chain_cut
  before delete on authority.audit_chain
  for each row execute function authority.refuse_delete();
create or replace trigger audit_cut_append_only
  before update or delete or truncate on authority.audit_cut
  for each statement execute function authority.refuse_change();
create or replace trigger audit_head_kept
  before delete or truncate on authority.audit_head
  for each statement execute function authority.refuse_change();

do $$
declare
  separate boolean := access.role('sluice_views') = 'sluice_views';
  chain text := case when separate then 'true' else 'current_setting(''app.views'', true) = ''on''' end;
  t text;
begin
  foreach t in array array['authority.audit_log', 'authority.audit_head', 'authority.audit_chain', 'authority.audit_cut'] loop
    execute format('drop policy if exists p_chain on %s', t);
    execute format('create policy p_chain on %s for all to %s using (%s) with check (%s)', t, access.role('sluice_views'), chain, chain);
  end loop;
  if not separate then
    -- One user owns everything: there is nobody to grant to. On a server where others have the roles he is
    -- not the operator to core.current_tenant(); what he does as such is on record all the same.
    drop policy if exists p_operator on authority.audit_log;
    execute format('create policy p_operator on authority.audit_log for insert to %s with check (tenant_id = ''ffffffff-ffff-ffff-ffff-ffffffffffff''::uuid)', access.role('sluice_owner'));
    return;
  end if;

  grant create on schema authority to sluice_views;
  alter function authority.chain_entry() owner to sluice_views;
  alter function authority.refuse_delete() owner to sluice_views;
  alter function authority.cut_audit(bigint, bytea, text) owner to sluice_views;
  alter function authority.note_partitions() owner to sluice_views;
  revoke create on schema authority from sluice_views;
  grant execute on function authority.audit_line(bigint, bytea, text, authority.audit_log) to sluice_views, sluice_reader, sluice_maintainer;
  grant select, insert, delete on authority.audit_log, authority.audit_chain to sluice_views;
  grant select, insert, update on authority.audit_head to sluice_views;
  grant select, insert on authority.audit_cut to sluice_views;

  grant select on authority.audit_head, authority.audit_chain, authority.audit_cut, authority.audit_trail to sluice_reader, sluice_maintainer;
  grant select on authority.audit_log to sluice_maintainer;
  grant select on authority."user" to sluice_reader, sluice_maintainer; -- the names of actors
  grant insert on authority.audit_log to sluice_projector; -- jobs that somebody asks to try again
  grant execute on function authority.cut_audit(bigint, bytea, text) to sluice_maintainer;
  grant insert on core.outbox to sluice_maintainer; -- anchors
  grant usage on sequence core.outbox_seq_seq to sluice_maintainer;
end $$;

insert into core.schema_version (module, version, migration_hash)
values ('authority', 3, '<hash>')
on conflict (module) do update
  set version = excluded.version, applied_at = now(), migration_hash = excluded.migration_hash;
commit;
