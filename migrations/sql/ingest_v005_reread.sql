-- Migration: ingest_v005_reread
-- Dependencies: core_v001, artifact_v001, ingest_v002, vex_v002, unknowns_v002
--
-- Asks for everything that is stored to be read again from its original (jobs of kind reread): the
-- previous release did not know of source packages in properties, took a release from one place
-- only, left the main component out, cut long ids, and took an advisory with several CVEs for one
-- vulnerability. vex_v002 asked for the documents with statements.
--
-- One job per document: some thousand are written per second. They are done by the next projections,
-- some hundred documents per second on one core, and imports and queries go on meanwhile.
begin;

-- The owner is no tenant: what a script asks for is seen without the policies, until the end.
alter table ingest.original no force row level security;
alter table vex.vex_decision no force row level security;
alter table core.job_queue no force row level security;

insert into core.job_queue (tenant_id, kind, payload, dedup_key)
select o.tenant_id, 'reread', jsonb_build_object('document', o.document_id), o.document_id
from ingest.original o
where not exists (
  select from core.job_queue j where j.tenant_id = o.tenant_id and j.kind = 'reread' and j.dedup_key = o.document_id::text)
order by o.tenant_id, o.content_hash;

-- Ids are compared in one spelling from now on (normalize.VulnID). Where somebody decided under two
-- spellings, both stay on record; the newer decision counts.
create or replace function vex.vuln_id(id text) returns text
language sql immutable as $$
  select case
    when id ~* '^ghsa-' then 'GHSA-' || lower(substr(id, 6))
    when id ~* '^(cve|go|pysec|rustsec|dsa|dla|usn|rhsa|alsa|rlsa|debian|ubuntu|alpine)-' then upper(id)
    else id
  end
$$;
update vex.vex_decision d set vuln_id = vex.vuln_id(vuln_id)
where vuln_id <> vex.vuln_id(vuln_id)
  and not exists (
    select from vex.vex_decision o where o.tenant_id = d.tenant_id and o.package_id = d.package_id and o.id <> d.id and vex.vuln_id(o.vuln_id) = vex.vuln_id(d.vuln_id));
drop function vex.vuln_id(text);
insert into core.job_queue (tenant_id, kind, payload)
select distinct tenant_id, 'decision', jsonb_build_object('vuln', vuln_id) from vex.vex_decision;

alter table ingest.original force row level security;
alter table vex.vex_decision force row level security;
alter table core.job_queue force row level security;

do $$
begin
  if access.role('sluice_maintainer') = 'sluice_maintainer' then
    -- The projector makes again what documents say, from their originals.
    grant update (warnings) on ingest.original to sluice_projector;
    grant update (artifact_id, artifact_purl, artifact_from) on ingest.sbom_document to sluice_projector;
    grant update (artifact_id) on ingest.document_alias to sluice_projector;
    grant update (package_ids, unmatched) on ingest.sbom_inventory to sluice_projector;
    grant update (type, namespace, name, version, ecosystem, match_key, match_version, matched_by, name_key, unmatched_reason, updated_at) on vex.package to sluice_projector;
    grant delete on vex.package_key to sluice_projector;
    grant insert, delete on vex.vuln_fact, vex.vuln_affected, vex.vuln_alias to sluice_projector;
  end if;
end $$;

comment on table ingest.sbom_inventory is
  'What one SBOM lists: the ids of its packages, sorted, and its components without a package. It changes only when the document is read again by a newer program.';

insert into core.schema_version (module, version, migration_hash)
values ('ingest', 5, '<hash>')
on conflict (module) do update
  set version = excluded.version, applied_at = now(), migration_hash = excluded.migration_hash;
commit;
