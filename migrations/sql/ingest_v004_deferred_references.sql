-- Migration: ingest_v004_deferred_references
-- Dependencies: ingest_v001, access_v001
--
-- Messages that wait beside their topic partition. Adds an empty table; locks nothing.
begin;

create table if not exists ingest.deferred (
  id bigserial primary key,
  consumer_group text not null,
  topic text not null,
  topic_partition int not null,
  message_offset bigint not null,
  next_entry int not null default 0,
  key_hash bytea,
  message_key bytea,
  message_value bytea,
  header_names text[] not null,
  header_values bytea[] not null,
  message_time timestamptz not null,
  reference text not null default '',
  created_at timestamptz not null default now(),
  tried_at timestamptz,
  due_at timestamptz not null default now(),
  attempts int not null default 0,
  error text not null default '',
  lease_token uuid,
  lease_until timestamptz
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
comment on table ingest.deferred is 'Messages that wait: their document could not be fetched in time, or they are behind one with the same key. Written in the transaction that moves the offset past them. Belongs to the operator.';
comment on column ingest.deferred.next_entry is 'Documents of the message that are stored already.';
comment on column ingest.deferred.key_hash is 'SHA-256 of message_key; null where there is none, and nothing waits for the message. A key may be longer than an index takes.';
comment on column ingest.deferred.header_names is 'Names of the message''s headers, in order; header_values has their values.';
comment on column ingest.deferred.tried_at is 'When the document was asked for first; some time after that the message is parked.';
comment on column ingest.deferred.reference is 'Where the document is; empty: in the message, which waits for its turn.';
-- The first of a key, and whether there is any: a later message of the key waits for it.
create index if not exists ix_deferred_key on ingest.deferred (consumer_group, topic, topic_partition, key_hash, id);
create index if not exists ix_deferred_due on ingest.deferred (consumer_group, due_at);

do $$
begin
  if access.role('sluice_views') <> 'sluice_views' then
    return; -- one user owns everything: there is nobody to grant to
  end if;
  execute 'grant select, insert, update, delete on ingest.deferred to sluice_ingest';
  execute 'grant usage on sequence ingest.deferred_id_seq to sluice_ingest';
  execute 'grant select (id, consumer_group, topic, topic_partition, message_offset, reference, created_at, due_at, attempts, error, lease_until) on ingest.deferred to sluice_monitor';
end $$;

insert into core.schema_version (module, version, migration_hash)
values ('ingest', 4, '<hash>')
on conflict (module) do update
  set version = excluded.version, applied_at = now(), migration_hash = excluded.migration_hash;
commit;
