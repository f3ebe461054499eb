-- Migration: ingest_v003_last_offset
-- Dependencies: ingest_v001
--
-- Which message the place of a topic partition was compared with. A column without a default: no
-- rewrite, the lock on kafka_offset is held for a moment.
begin;

alter table ingest.kafka_offset add column if not exists last_offset bigint;
comment on column ingest.kafka_offset.last_offset is 'Offset of the message that last_record is of; null: the one before next_offset. Markers of transactions may lie between.';

insert into core.schema_version (module, version, migration_hash)
values ('ingest', 3, '<hash>')
on conflict (module) do update
  set version = excluded.version, applied_at = now(), migration_hash = excluded.migration_hash;
commit;
