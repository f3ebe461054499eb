-- Migration: core_v005_feed_sources
-- Dependencies: core_v001, access_v001
--
-- Where vulnerability facts for every tenant are fetched from. Adds an empty table; locks nothing.
begin;

create table if not exists core.feed_source (
  name text primary key check (name ~ '^[a-z0-9][A-Za-z0-9 :._/-]{0,99}$'),
  url text not null,
  created_by uuid,
  created_at timestamptz not null default now()
);
comment on table core.feed_source is 'Where vulnerability facts for every tenant are fetched from, by the task feed of maintenance, which notes in core.maintenance what it has. The operator''s.';
comment on column core.feed_source.name is 'osv/ECOSYSTEM, kev, epss, cve, or a name of the operator''s own.';

do $$
begin
  if access.role('sluice_views') <> 'sluice_views' then
    return; -- one user owns everything: there is nobody to grant to
  end if;
  execute 'grant select, insert, update, delete on core.feed_source to sluice_maintainer';
  execute 'grant select on core.feed_source to sluice_monitor';
end $$;

insert into core.schema_version (module, version, migration_hash)
values ('core', 5, '<hash>')
on conflict (module) do update
  set version = excluded.version, applied_at = now(), migration_hash = excluded.migration_hash;
commit;
