-- Migration: ingest_v006_parked_by_reason
-- Dependencies: ingest_v001
-- Transaction: none
--
-- How many documents are parked for each reason, over all tenants, without reading the table:
-- core.figures asks every few seconds. Built beside imports; stops nobody.

create index concurrently if not exists ix_parked_by_reason on ingest.parked (reason);

begin;
insert into core.schema_version (module, version, migration_hash)
values ('ingest', 6, '<hash>')
on conflict (module) do update
  set version = excluded.version, applied_at = now(), migration_hash = excluded.migration_hash;
commit;
