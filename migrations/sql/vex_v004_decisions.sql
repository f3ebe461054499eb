-- Migration: vex_v004_decisions
-- Dependencies: vex_v001, artifact_v001, access_v001
--
-- A decision says more than a status and a sentence, may end on a date, and may be about one
-- artifact alone. The columns have constant defaults: nothing is rewritten, and the locks are held for
-- milliseconds.
--
-- Those about one artifact have a table of their own: the specification's key of vex_decision, one
-- per tenant, package and vulnerability, stays what its statements rely on.
begin;

alter table vex.vex_decision
  add column if not exists justification text not null default '',
  add column if not exists impact text not null default '',
  add column if not exists action text not null default '',
  add column if not exists ticket text not null default '',
  add column if not exists expires_at timestamptz,
  add column if not exists package_purl text not null default '',
  add column if not exists revision int not null default 1;
comment on column vex.vex_decision.expires_at is 'From then on it decides nothing; a job of kind expiry looks at its findings then.';
comment on column vex.vex_decision.package_purl is 'The purl that it was decided by; an SBOM need not list it yet.';
comment on column vex.vex_decision.revision is 'How often it was decided or withdrawn.';

create table if not exists vex.artifact_decision (
  id uuid not null default gen_random_uuid(),
  tenant_id uuid not null,
  artifact_id uuid not null,
  package_id uuid not null,
  vuln_id text not null,
  artifact_purl text not null,
  package_purl text not null,
  status text check (status in ('not_affected','affected','fixed','under_investigation')),
  justification text not null default '',
  impact text not null default '',
  action text not null default '',
  rationale text,
  proof_ref text,
  ticket text not null default '',
  expires_at timestamptz,
  revision int not null default 1,
  decided_by uuid,
  decided_at timestamptz not null default now(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, package_id, artifact_id, vuln_id),
  unique (tenant_id, id)
);
comment on table vex.artifact_decision is 'The tenant''s own verdicts on a vulnerability of a package in one artifact. Each goes before one of vex_decision.';
create index if not exists ix_artifact_decision_vuln on vex.artifact_decision (tenant_id, vuln_id);
create index if not exists ix_vex_decision_vuln on vex.vex_decision (tenant_id, vuln_id);
call core.protect('vex.artifact_decision');

do $$
begin
  if access.role('sluice_ingest') <> 'sluice_ingest' then
    return; -- one user owns everything: there is nobody to grant to
  end if;
  grant select on vex.artifact_decision to sluice_reader;
  grant insert, update on vex.artifact_decision to sluice_ingest;
  grant select (tenant_id, rationale, proof_ref, impact, action, ticket) on vex.artifact_decision, vex.vex_decision to sluice_maintainer;
end $$;

insert into core.schema_version (module, version, migration_hash)
values ('vex', 4, '<hash>')
on conflict (module) do update
  set version = excluded.version, applied_at = now(), migration_hash = excluded.migration_hash;
commit;
