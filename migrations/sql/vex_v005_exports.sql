-- Migration: vex_v005_exports
-- Dependencies: vex_v001, access_v001
--
-- Which versions of VEX documents went out. The table is empty: the locks are held for milliseconds.
begin;

create table if not exists vex.export_version (
  tenant_id uuid not null,
  series uuid not null,
  version int not null check (version > 0),
  format text not null,
  artifact_purl text not null default '',
  author text not null,
  content_hash bytea not null,
  verdicts int not null,
  created_by uuid,
  created_at timestamptz not null default now(),
  primary key (tenant_id, series, version)
);
comment on table vex.export_version is 'The versions of the VEX documents that were exported: the same verdicts are the same version, others the next.';
comment on column vex.export_version.series is 'The id of the document, which all its versions have.';
comment on column vex.export_version.content_hash is 'SHA-256 of what it says, without its version and its times.';
call core.protect('vex.export_version');

do $$
begin
  if access.role('sluice_ingest') <> 'sluice_ingest' then
    return; -- one user owns everything: there is nobody to grant to
  end if;
  grant select on vex.export_version to sluice_reader;
  grant insert on vex.export_version to sluice_ingest;
end $$;

insert into core.schema_version (module, version, migration_hash)
values ('vex', 5, '<hash>')
on conflict (module) do update
  set version = excluded.version, applied_at = now(), migration_hash = excluded.migration_hash;
commit;
