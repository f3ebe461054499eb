-- Migration: core_v003_instances
-- Dependencies: core_v002, routing_v001, access_v001
--
-- Who leads what, and what is known of the processes that run. Adds an empty table, and columns to one that
-- nothing has written yet; locks nothing that is in use.
begin;

create table if not exists core.lead (
  job text primary key,
  token bigint not null check (token > 0),
  instance_id uuid not null,
  instance_key text not null,
  since timestamptz not null,
  lease_until timestamptz not null,
  updated_at timestamptz not null default clock_timestamp(),
  -- A part of a key, so that taking the lead waits for transactions that hold the row by FOR KEY
  -- SHARE, and keeping it does not.
  unique (job, token)
);
comment on table core.lead is 'Work that one process does at a time, and which: until lease_until nobody else takes it. The operator''s.';
comment on column core.lead.token is 'One higher with every process that takes the lead. Its transactions hold the row by it: who led before has none.';
comment on column core.lead.instance_id is 'Of routing.instance; the process''s own where it is not registered.';

-- Whether the lead on a job is still that of the token, asked at the end of each transaction of who leads. Nobody
-- takes it over before that transaction has ended.
create or replace function core.hold_lead(wanted text, held bigint) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  perform from core.lead where job = wanted and token = held for key share;
  if not found then
    raise exception 'the lead on % was lost: token % is not the one in force', wanted, held
      using errcode = '40L01', hint = 'another process leads; sluice instances says which';
  end if;
end $$;
revoke all on function core.hold_lead(text, bigint) from public;

alter table routing.instance
  add column if not exists started_at timestamptz not null default now(),
  add column if not exists program text not null default '',
  add column if not exists parts text[] not null default '{}';
comment on table routing.instance is 'The processes that serve. They serve every tenant, so their rows are the operator''s.';
comment on column routing.instance.id is 'Another one with each start: a process that was replaced does not find its row any more.';
comment on column routing.instance.domain is 'Where it answers HTTP, else its key.';
comment on column routing.instance.parts is 'What it does: consumers, projections, relay, maintenance.';

do $$
begin
  if access.role('sluice_views') <> 'sluice_views' then
    return; -- one user owns everything: there is nobody to grant to
  end if;
  execute 'grant select, insert, update on core.lead to sluice_maintainer, sluice_relay';
  execute 'grant execute on function core.hold_lead(text, bigint) to sluice_maintainer, sluice_relay';
  execute 'grant select on core.lead to sluice_monitor';
  execute 'grant select, insert, update, delete on routing.instance to sluice_maintainer';
end $$;

insert into core.schema_version (module, version, migration_hash)
values ('core', 3, '<hash>')
on conflict (module) do update
  set version = excluded.version, applied_at = now(), migration_hash = excluded.migration_hash;
commit;
