-- Migration: core_v004_kafka_ahead
-- Dependencies: ingest_v003, access_v001
--
-- Messages that were taken ahead of their topic partition. Adds an empty table; locks nothing.
begin;

create table if not exists ingest.kafka_ahead (
  consumer_group text not null,
  topic text not null,
  topic_partition int not null,
  message_offset bigint not null,
  next_entry int not null,
  fingerprint bytea not null,
  created_at timestamptz not null default now(),
  primary key (consumer_group, topic, topic_partition, message_offset)
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
comment on table ingest.kafka_ahead is 'Messages that are stored although the place of their topic partition is before them: of tenants that would wait for another''s backlog. Written in the transaction of their documents, deleted in the one that moves the place past them. Belongs to the operator.';
comment on column ingest.kafka_ahead.next_entry is 'Documents of the message that are stored; 0: all.';
comment on column ingest.kafka_ahead.fingerprint is 'Of the message, as in ingest.kafka_offset: another one at the offset is not passed over.';

do $$
begin
  if access.role('sluice_views') <> 'sluice_views' then
    return; -- one user owns everything: there is nobody to grant to
  end if;
  execute 'grant select, insert, update, delete on ingest.kafka_ahead to sluice_ingest';
  execute 'grant select on ingest.kafka_ahead to sluice_monitor';
end $$;

insert into core.schema_version (module, version, migration_hash)
values ('core', 4, '<hash>')
on conflict (module) do update
  set version = excluded.version, applied_at = now(), migration_hash = excluded.migration_hash;
commit;
