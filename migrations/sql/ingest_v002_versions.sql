-- Migration: ingest_v002_versions
-- Dependencies: core_v001, artifact_v001, ingest_v001
--
-- Documents have versions: of several BOMs with one serial number the highest `version` is
-- current, whatever their times. And what is unchanged says its serial number and version too.
--
-- Adding the columns touches no row. The backfill reads the version of every SBOM with a serial
-- number, a few thousand per second, and writes only those that are not version 1.
begin;

alter table ingest.sbom_document add column if not exists version_rank text collate "C" not null default '1"1!';
comment on column ingest.sbom_document.version_rank is
  'Orders the versions of one serial number (bom_serial) by its bytes; the default is that of version 1, which nearly every BOM has.';

alter table ingest.document_alias add column if not exists bom_serial text;
alter table ingest.document_alias add column if not exists version_rank text collate "C" not null default '1"1!';
comment on column ingest.document_alias.bom_serial is
  'Its own serial number; null also for what came before this column: its bytes are not kept.';
create index if not exists ix_document_alias_serial on ingest.document_alias (tenant_id, bom_serial) where bom_serial is not null;

-- The owner is no tenant: what a script brings up to date is seen without the policies, until the end.
alter table ingest.sbom_document no force row level security;
alter table core.job_queue no force row level security;

with n as materialized (
  select id, ltrim(doc ->> 'version', '0') as digits
  from ingest.sbom_document
  where bom_serial is not null and doc ->> 'version' ~ '^[0-9]{1,80}$'
)
update ingest.sbom_document d
set version_rank = '1' || case n.digits when '' then '!' else chr(33 + length(n.digits)) || n.digits || '!' end
from n where n.id = d.id and n.digits <> '1';

-- Which document of these streams is current may be another one now.
insert into core.job_queue (tenant_id, kind, payload, dedup_key)
select tenant_id, 'sbom', jsonb_build_object('artifact', artifact_id, 'stream', stream), artifact_id || '|' || stream
from ingest.sbom_document
where bom_serial is not null and artifact_id is not null
group by tenant_id, artifact_id, stream
having count(*) > count(distinct bom_serial);

alter table ingest.sbom_document force row level security;
alter table core.job_queue force row level security;

do $$
begin
  if access.role('sluice_maintainer') = 'sluice_maintainer' then
    grant select (version_rank) on ingest.sbom_document to sluice_maintainer;
  end if;
end $$;

insert into core.schema_version (module, version, migration_hash)
values ('ingest', 2, '<hash>')
on conflict (module) do update
  set version = excluded.version, applied_at = now(), migration_hash = excluded.migration_hash;
commit;
