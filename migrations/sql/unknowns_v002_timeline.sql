-- Migration: unknowns_v002_timeline
-- Dependencies: core_v001, artifact_v001, ingest_v001, vex_v001, unknowns_v001
--
-- Unknowns are valid from the time of one document to that of another, in whatever order the
-- documents come, and what was believed before stays on record: rows whose sys_to is set.
--
-- Both indexes take a scan of their table under a lock that stops writers: seconds for a
-- million rows. Each stream is looked at again by the next projection.
begin;

create table if not exists unknowns.timeline (
  tenant_id uuid not null,
  artifact_id uuid not null,
  stream text not null,
  at timestamptz not null,
  document_id bigint not null,
  primary key (tenant_id, artifact_id, stream, at)
);
comment on table unknowns.timeline is 'Which SBOM speaks for a stream from when on, as far as unknowns were worked out from it.';
call core.protect('unknowns.timeline');

-- What is believed now.
create index if not exists ix_unknown_believed on unknowns.unknown (tenant_id, artifact_id, stream) where sys_to is null;
-- Nearly all packages can be matched: those that cannot are found without a look at the others.
create index if not exists ix_package_unmatched on vex.package (tenant_id, id) where unmatched_reason <> '';

comment on column unknowns.unknown.valid_from is 'Time of the document that listed the component first; valid_to that of the one that no longer does.';
comment on column unknowns.unknown.sys_to is 'When something else came to be believed; valid_to is ''infinity'' then where it was open. Null: believed now.';

-- The owner is no tenant: what a script asks for is seen without the policies, until the end.
alter table artifact.stream no force row level security;
alter table core.job_queue no force row level security;
insert into core.job_queue (tenant_id, kind, payload, dedup_key)
select tenant_id, 'sbom', jsonb_build_object('artifact', artifact_id, 'stream', stream), artifact_id || '|' || stream
from artifact.stream order by 1, 4;
alter table artifact.stream force row level security;
alter table core.job_queue force row level security;

do $$
begin
  if access.role('sluice_maintainer') = 'sluice_maintainer' then
    grant select on unknowns.timeline to sluice_reader;
    grant select, insert, update, delete on unknowns.timeline to sluice_projector;
    -- Retention tells records of one id apart by their source.
    grant select (source) on vex.vuln_fact to sluice_maintainer;
  end if;
end $$;

insert into core.schema_version (module, version, migration_hash)
values ('unknowns', 2, '<hash>')
on conflict (module) do update
  set version = excluded.version, applied_at = now(), migration_hash = excluded.migration_hash;
commit;
