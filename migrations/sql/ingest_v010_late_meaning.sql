-- Migration: ingest_v010_late_meaning
-- Dependencies: ingest_v001, access_v001
--
-- The first SBOM of a stream is stored without its meaning hash: nothing can say the same yet. When
-- another one comes to the stream it is made up for, in the inventory. Adds a column without
-- rewriting the table (milliseconds), and an index that stored documents are not in: for it the table
-- is read once, its documents themselves are not; imports wait for about a second per million of them.
begin;

alter table ingest.sbom_inventory add column if not exists meaning_hash bytea;
comment on column ingest.sbom_inventory.meaning_hash is 'Of an SBOM that was stored without one: its meaning hash, since another SBOM came to its stream.';

create index if not exists ix_sbom_doc_unhashed on ingest.sbom_document (tenant_id, artifact_id, stream) where meaning_hash is null;

do $$
begin
  if access.role('sluice_views') <> 'sluice_views' then
    return; -- one user owns everything: there is nobody to grant to
  end if;
  grant update (meaning_hash) on ingest.sbom_inventory to sluice_ingest;
end $$;

insert into core.schema_version (module, version, migration_hash)
values ('ingest', 10, '<hash>')
on conflict (module) do update
  set version = excluded.version, applied_at = now(), migration_hash = excluded.migration_hash;
commit;
