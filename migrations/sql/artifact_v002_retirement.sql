-- Migration: artifact_v002_retirement
-- Dependencies: artifact_v001, core_v001, access_v001
--
-- Artifacts are retired and revived, and tags move from one version of an artifact to the next.
-- Adds columns without a rewrite; both indexes are on a table that nothing wrote to before.
begin;

alter table artifact.artifact add column if not exists retired_by text not null default '' check (retired_by in ('', 'command', 'unseen', 'tag'));
alter table artifact.artifact add column if not exists retired_at timestamptz;
alter table artifact.artifact add column if not exists retired_as_of timestamptz;
alter table artifact.artifact add column if not exists revived_at timestamptz;
comment on column artifact.artifact.retired_as_of is 'A document that is newer than this revives the artifact; one that is not, whenever it comes, does not.';
comment on column artifact.artifact.revived_at is 'When somebody revived it last: it counts as seen then.';

-- One version of an artifact holds a tag. name is what its versions have in common.
alter table artifact.tag add column if not exists name text not null default '';
create unique index if not exists ux_tag_holder on artifact.tag (tenant_id, tag, name) where name <> '';
create index if not exists ix_tag_artifact on artifact.tag (tenant_id, artifact_id);
comment on column artifact.tag.name is 'The purl without its version and the qualifiers that only say which version it is: of all with one name one holds the tag.';

do $$
begin
  if access.role('sluice_views') <> 'sluice_views' then
    return; -- one user owns everything: there is nobody to grant to
  end if;
  grant update (state, state_reason, retired_by, retired_at, retired_as_of, revived_at, updated_at) on artifact.artifact to sluice_ingest;
  grant insert, update (name, updated_at), delete on artifact.tag to sluice_ingest;
end $$;

insert into core.schema_version (module, version, migration_hash)
values ('artifact', 2, '<hash>')
on conflict (module) do update
  set version = excluded.version, applied_at = now(), migration_hash = excluded.migration_hash;
commit;
