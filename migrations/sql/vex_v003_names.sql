-- Migration: vex_v003_names
-- Dependencies: core_v001, artifact_v001, ingest_v001, vex_v002, unknowns_v002
--
-- Names are compared in one spelling, records of a CVE are told apart by who keeps them, and what
-- components are matched by is worked out anew from the originals of the SBOMs that are
-- current (jobs of kind relist, done by the next projection: some thousands of components per second).
begin;

-- The owner is no tenant: what a script brings up to date is seen without the policies, until the end.
alter table vex.vuln_fact no force row level security;
alter table vex.vuln_affected no force row level security;
alter table vex.vuln_alias no force row level security;
alter table vex.vex_decision no force row level security;
alter table artifact.stream no force row level security;
alter table core.job_queue no force row level security;

-- normalize.VulnID of what the previous release stored as it was written; dropped below.
create or replace function vex.vuln_id(id text) returns text
language sql immutable as $$
  select case
    when id ~* '^cve-' then upper(id)
    when id ~* '^ghsa-' then 'GHSA-' || lower(substr(id, 6))
    when id ~* '^(go|pysec|rustsec|dsa|dla|usn|rhsa|alsa|rlsa|debian|ubuntu|alpine)-' then upper(id)
    else id
  end
$$;

-- Of two decisions on one vulnerability in two spellings the newer stays.
delete from vex.vex_decision d
where exists (
  select from vex.vex_decision n
  where n.tenant_id = d.tenant_id and n.package_id = d.package_id and n.id <> d.id and vex.vuln_id(n.vuln_id) = vex.vuln_id(d.vuln_id)
    and (n.decided_at, n.id) > (d.decided_at, d.id));
update vex.vex_decision set vuln_id = vex.vuln_id(vuln_id) where vuln_id <> vex.vuln_id(vuln_id);

insert into vex.vuln_alias (tenant_id, vuln_id, alias, fact_id, is_current)
select tenant_id, vex.vuln_id(vuln_id), vex.vuln_id(alias), fact_id, is_current from vex.vuln_alias
where (vuln_id <> vex.vuln_id(vuln_id) or alias <> vex.vuln_id(alias)) and vex.vuln_id(vuln_id) <> vex.vuln_id(alias)
on conflict do nothing;
delete from vex.vuln_alias where vuln_id <> vex.vuln_id(vuln_id) or alias <> vex.vuln_id(alias);
drop function vex.vuln_id(text);

-- Who keeps a record of a CVE: what it says, else what it is about (normalize/osv).
with r as materialized (
  select f.id, coalesce(
      nullif(case when jsonb_typeof(f.payload #> '{database_specific,source}') = 'string' then f.payload #>> '{database_specific,source}' end, ''),
      (select s #>> '{}' from jsonb_path_query(f.payload, '$.affected[*].database_specific.source ? (@.type() == "string" && @ != "")') as s limit 1)) as source,
    (select string_agg(distinct split_part(a.ecosystem, ':', 1) collate "C", ', ' order by split_part(a.ecosystem, ':', 1) collate "C")
     from vex.vuln_affected a where a.tenant_id = f.tenant_id and a.fact_id = f.id) as ecosystems
  from vex.vuln_fact f where f.source = 'cve'
), k as (
  select id, ecosystems, lower(source) as source, split_part(regexp_replace(lower(source), '^.*?://', ''), '/', 1) as host,
         regexp_replace(lower(source), '^.*?://[^/]*/?', '') as path
  from r
)
update vex.vuln_fact f
set source = 'cve of ' || case
    when k.source is null then k.ecosystems
    when k.source !~ '://' then k.source
    when k.host in ('github.com', 'raw.githubusercontent.com') then 'github.com/' || split_part(k.path, '/', 1) || '/' || split_part(k.path, '/', 2)
    when k.host = 'gitlab.com' then 'gitlab.com/' || split_part(k.path, '/', 1) || '/' || split_part(k.path, '/', 2)
    else k.host
  end
from k where k.id = f.id and coalesce(k.source, k.ecosystems) is not null;

-- What another source's record had retired counts again.
create temp table revived on commit drop as
select tenant_id, id, external_id from (
  select tenant_id, id, external_id, withdrawn,
         row_number() over (partition by tenant_id, external_id, source order by modified desc nulls last, content_hash desc, id) as n
  from vex.vuln_fact where source like 'cve of %') as f
where f.n = 1 and f.withdrawn is null
  and exists (select from vex.vuln_affected a where a.tenant_id = f.tenant_id and a.fact_id = f.id and not a.is_current);
update vex.vuln_affected a set is_current = true from revived r where a.tenant_id = r.tenant_id and a.fact_id = r.id and not a.is_current;
update vex.vuln_alias a set is_current = true from revived r where a.tenant_id = r.tenant_id and a.fact_id = r.id and not a.is_current;
insert into core.job_queue (tenant_id, kind, payload, dedup_key)
select tenant_id, 'fact', jsonb_build_object('ids', jsonb_build_array(external_id), 'run', 0), external_id from revived order by 1, 4;

insert into core.job_queue (tenant_id, kind, payload, dedup_key)
select tenant_id, 'relist', jsonb_build_object('artifact', artifact_id, 'stream', stream), artifact_id || '|' || stream
from artifact.stream order by 1, 4;

alter table vex.vuln_fact force row level security;
alter table vex.vuln_affected force row level security;
alter table vex.vuln_alias force row level security;
alter table vex.vex_decision force row level security;
alter table artifact.stream force row level security;
alter table core.job_queue force row level security;

do $$
begin
  if access.role('sluice_maintainer') = 'sluice_maintainer' then
    -- The projector works out what is listed and matched by anew, from the originals.
    grant update on vex.package to sluice_projector;
    grant delete on vex.package_key to sluice_projector;
    grant update (package_ids, unmatched) on ingest.sbom_inventory to sluice_projector;
  end if;
end $$;

insert into core.schema_version (module, version, migration_hash)
values ('vex', 3, '<hash>')
on conflict (module) do update
  set version = excluded.version, applied_at = now(), migration_hash = excluded.migration_hash;
commit;
