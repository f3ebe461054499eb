-- Migration: core_v002_outbox_producer
-- Dependencies: core_v001, access_v001
--
-- By what number the relays write to Kafka. Adds an empty table; locks nothing.
begin;

create table if not exists core.outbox_producer (
  cluster text primary key,
  producer_id bigint not null check (producer_id >= 0),
  epoch int not null check (epoch between 0 and 32767),
  updated_at timestamptz not null default now()
);
comment on table core.outbox_producer is 'The producer id of the relays per Kafka cluster, and the epoch of the one that leads: brokers refuse what comes from an older epoch. The operator''s.';
comment on column core.outbox_producer.cluster is 'Id of the cluster, as its brokers say it: a producer id means nothing elsewhere.';

do $$
begin
  if access.role('sluice_views') <> 'sluice_views' then
    return; -- one user owns everything: there is nobody to grant to
  end if;
  execute 'grant select, insert, update on core.outbox_producer to sluice_relay';
  execute 'grant select on core.outbox_producer to sluice_monitor';
end $$;

insert into core.schema_version (module, version, migration_hash)
values ('core', 2, '<hash>')
on conflict (module) do update
  set version = excluded.version, applied_at = now(), migration_hash = excluded.migration_hash;
commit;
