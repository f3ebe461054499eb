-- Migration: ingest_v008_producers
-- Dependencies: ingest_v001, access_v001
--
-- Which Kafka topics may carry documents of which tenant. Adds an empty table; locks nothing.
begin;

create table if not exists ingest.producer (
  tenant_id uuid not null,
  topic text not null check (topic ~ '^[A-Za-z0-9._-]{0,249}[*]?$' and topic <> ''),
  created_by uuid,
  created_at timestamptz not null default now(),
  primary key (tenant_id, topic)
);
comment on table ingest.producer is 'Topics that may carry documents of a tenant, where consumers ask (--producers-must-be-allowed).';
comment on column ingest.producer.topic is 'A topic, or with * at its end all that begin so.';
call core.protect('ingest.producer');

do $$
begin
  if access.role('sluice_views') <> 'sluice_views' then
    return; -- one user owns everything: there is nobody to grant to
  end if;
  grant select on ingest.producer to sluice_reader;
  grant select, insert, delete on ingest.producer to sluice_maintainer;
end $$;

insert into core.schema_version (module, version, migration_hash)
values ('ingest', 8, '<hash>')
on conflict (module) do update
  set version = excluded.version, applied_at = now(), migration_hash = excluded.migration_hash;
commit;
