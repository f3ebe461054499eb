-- Migration: vex_v003_epss_kev
-- Dependencies: core_v001, access_v001, vex_v001
--
-- How likely a vulnerability is exploited (EPSS of FIRST), and which are known to be (KEV of CISA):
-- kept by vulnerability and joined when findings are read. A daily file changes rows here, and no
-- finding. Adds empty tables; locks nothing.
begin;

create table if not exists vex.epss (
  tenant_id uuid not null,
  vuln_id text not null,
  score real not null,
  percentile real not null,
  score_date date,
  updated_at timestamptz not null default now(),
  primary key (tenant_id, vuln_id)
);
comment on table vex.epss is 'EPSS scores as the newest daily file has them; vex.feed says which one that is.';
comment on column vex.epss.score_date is 'Of the daily file that brought these figures: they have been the same since.';
call core.protect('vex.epss');

create table if not exists vex.kev (
  tenant_id uuid not null,
  vuln_id text not null,
  name text not null default '',
  date_added date,
  due_date date,
  ransomware boolean not null default false,
  action text not null default '',
  document_id uuid not null,
  removed_at timestamptz,
  updated_at timestamptz not null default now(),
  primary key (tenant_id, vuln_id)
);
comment on table vex.kev is 'Vulnerabilities known to be exploited, as the newest catalogue has them.';
comment on column vex.kev.document_id is 'The catalogue that brought or changed the entry.';
comment on column vex.kev.removed_at is 'Time of the catalogue that no longer lists it; null while it is listed.';
call core.protect('vex.kev');

create table if not exists vex.feed (
  tenant_id uuid not null,
  feed text not null,
  released_at timestamptz,
  version text not null default '',
  content_hash bytea not null,
  document_id uuid not null,
  entries int not null,
  updated_at timestamptz not null default now(),
  primary key (tenant_id, feed)
);
comment on table vex.feed is 'Which document of a feed that comes whole is the newest: vex.epss and vex.kev say what that one says.';
comment on column vex.feed.feed is 'epss or kev.';
comment on column vex.feed.released_at is 'What decides: the greater is the newer, null is the oldest; of equal ones the greater content hash.';
call core.protect('vex.feed');

do $$
declare
  t text;
begin
  foreach t in array array['vex.epss', 'vex.kev', 'vex.feed'] loop
    execute format('drop policy if exists p_shared on %s', t);
    execute format('create policy p_shared on %s for select using (tenant_id = ''00000000-0000-0000-0000-000000000000''::uuid)', t);
  end loop;
  if access.role('sluice_views') <> 'sluice_views' then
    return; -- one user owns everything: there is nobody to grant to
  end if;
  grant select on vex.epss, vex.kev, vex.feed to sluice_reader;
  -- The projector reads stored documents again with a newer program.
  grant insert, update, delete on vex.epss to sluice_ingest, sluice_projector;
  grant insert, update on vex.kev, vex.feed to sluice_ingest, sluice_projector;
  -- Retention keeps the document that speaks.
  grant select (tenant_id, document_id) on vex.feed to sluice_maintainer;
end $$;

insert into core.schema_version (module, version, migration_hash)
values ('vex', 3, '<hash>')
on conflict (module) do update
  set version = excluded.version, applied_at = now(), migration_hash = excluded.migration_hash;
commit;
