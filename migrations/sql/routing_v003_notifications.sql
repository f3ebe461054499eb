-- Migration: routing_v003_notifications
-- Dependencies: core_v001, core_v003, routing_v001, access_v001, vex_v003, artifact_v002
--
-- Who is told of which findings, and what is on its way to them. Adds empty tables; locks nothing.
begin;

create table if not exists routing.notify_rule (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  name text not null,
  severity text not null default '' check (severity in ('', 'none', 'low', 'medium', 'high', 'critical')),
  tag text not null default '',
  kev boolean not null default false,
  epss real,
  package text not null default '',
  closed boolean not null default false,
  target text not null check (target in ('webhook', 'topic')),
  format text not null default 'json' check (format in ('json', 'slack')),
  destination text not null,
  every_seconds int not null default 60 check (every_seconds > 0),
  since timestamptz,
  created_by uuid,
  created_at timestamptz not null default now(),
  -- How far the notifier is.
  looked_at timestamptz,
  swept_at timestamptz,
  swept_with text not null default '',
  next_look_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, name)
);
comment on table routing.notify_rule is 'Who is told of which findings: findings have to meet every condition that is set.';
comment on column routing.notify_rule.destination is 'Where messages go, for people: of a URL no more than its scheme and host.';
comment on column routing.notify_rule.since is 'Findings that were seen first before that count as told; null: none does.';
comment on column routing.notify_rule.swept_with is 'The feeds and tags that all findings were looked at with last.';
create index if not exists ix_notify_rule_due on routing.notify_rule (next_look_at);

-- Apart from the rule, because the URL of a webhook often is a secret as well: who may read rules may
-- not read these.
create table if not exists routing.notify_endpoint (
  tenant_id uuid not null,
  rule_id uuid not null,
  url text not null,
  secret text not null default '',
  primary key (tenant_id, rule_id)
);
comment on table routing.notify_endpoint is 'Where webhooks are sent and what they are signed with. Nobody reads it but who sends.';

-- Which findings a rule has told of, so that each is told once. A finding that is closed is taken out: when it
-- opens again, it is told again.
create table if not exists routing.notify_told (
  tenant_id uuid not null,
  rule_id uuid not null,
  artifact_id uuid not null,
  package_id uuid not null,
  vuln_id text not null,
  severity text not null default '',
  told_at timestamptz not null default now(),
  primary key (tenant_id, rule_id, artifact_id, package_id, vuln_id)
);
comment on table routing.notify_told is 'The open findings that a rule has told of, or that were there before it.';

create table if not exists routing.notify_message (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  rule_id uuid not null,
  kind text not null check (kind in ('findings', 'test')),
  findings int not null default 0,
  body text not null,
  state text not null default 'waiting' check (state in ('waiting', 'sent', 'failed')),
  attempts int not null default 0,
  waiting_since timestamptz not null default clock_timestamp(),
  next_attempt_at timestamptz not null default clock_timestamp(),
  last_status int,
  last_error text,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, id)
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
comment on table routing.notify_message is 'Messages to webhooks, written in the transaction that notes what they tell of: on their way, sent, or given up.';
create index if not exists ix_notify_message_due on routing.notify_message (next_attempt_at) where state = 'waiting';
create index if not exists ix_notify_message_rule on routing.notify_message (tenant_id, rule_id, state, created_at);
create index if not exists ix_notify_message_old on routing.notify_message (updated_at) where state <> 'waiting';

call core.protect('routing.notify_rule');
call core.protect('routing.notify_endpoint');
call core.protect('routing.notify_told');
call core.protect('routing.notify_message');

-- Who sends, sends for every tenant.
do $$
declare
  separate boolean := access.role('sluice_views') = 'sluice_views';
  worker text := case when separate then 'true' else 'current_setting(''app.all_tenants'', true) = ''on''' end;
  t text;
begin
  foreach t in array array['routing.notify_rule', 'routing.notify_endpoint', 'routing.notify_message'] loop
    execute format('drop policy if exists p_relay on %s', t);
    execute format('create policy p_relay on %s for all to %s using (%s) with check (%s)', t, access.role('sluice_relay'), worker, worker);
  end loop;
  if not separate then
    return; -- one user owns everything: there is nobody to grant to
  end if;
  execute 'grant select on routing.notify_rule, routing.notify_told, routing.notify_message to sluice_reader';
  -- maintainer: rules, and messages that were given up; of an endpoint it may only say what it is
  execute 'grant select, insert, delete on routing.notify_rule to sluice_maintainer';
  execute 'grant insert, delete on routing.notify_endpoint to sluice_maintainer';
  execute 'grant select (tenant_id, rule_id) on routing.notify_endpoint to sluice_maintainer';
  execute 'grant select (tenant_id, rule_id), delete on routing.notify_told to sluice_maintainer';
  execute 'grant select, insert, update, delete on routing.notify_message to sluice_maintainer';
  -- relay: looks for what rules tell of, in the name of one tenant at a time, and sends it
  execute 'grant select, update (looked_at, swept_at, swept_with, next_look_at) on routing.notify_rule to sluice_relay';
  execute 'grant select on routing.notify_endpoint to sluice_relay';
  execute 'grant select, insert, delete on routing.notify_told to sluice_relay';
  execute 'grant select, insert, update, delete on routing.notify_message to sluice_relay';
  execute 'grant insert on core.outbox to sluice_relay';
  execute 'grant usage on sequence core.outbox_seq_seq to sluice_relay';
  execute 'grant select on vex.open_findings, vex.finding_history, vex.kev, vex.epss, vex.feed, artifact.tag to sluice_relay';
  execute 'grant select (tenant_id, id, purl) on vex.package, artifact.artifact to sluice_relay';
  execute 'grant select (tenant_id, name) on authority.tenant to sluice_relay';
end $$;

insert into core.schema_version (module, version, migration_hash)
values ('routing', 3, '<hash>')
on conflict (module) do update
  set version = excluded.version, applied_at = now(), migration_hash = excluded.migration_hash;
commit;
