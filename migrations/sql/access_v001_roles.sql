-- Migration: access_v001_roles
-- Dependencies: core_v001, authority_v001, routing_v001, artifact_v001, ingest_v001, vex_v001, unknowns_v001
--
-- Who may do what. The roles themselves are made by the runner (they belong to the whole
-- server). On a server where the user may not make roles everything belongs to that one
-- user; row security holds there too, by the policies at the end.
begin;

create schema if not exists access;

-- The role that stands for name here: itself, or the one user who owns everything.
create or replace function access.role(name text) returns text
language sql stable as $$
  select case when n.nspowner = (select oid from pg_roles where rolname = 'sluice_owner')
              then name else n.nspowner::regrole::text end
  from pg_namespace n where n.nspname = 'core'
$$;

-- Every policy beyond the tenant's own. Where one user owns everything they ask for a
-- setting instead of a role: app.all_tenants, which the program sets on connections that work
-- across tenants, and app.views, which the functions below set for their own duration.
do $$
declare
  separate boolean := access.role('sluice_views') = 'sluice_views';
  worker text := case when separate then 'true' else 'current_setting(''app.all_tenants'', true) = ''on''' end;
  views text := case when separate then 'true' else 'current_setting(''app.views'', true) = ''on''' end;
  t text;
begin
  -- Materialized views are computed over every tenant, by a role nobody logs in as.
  -- No BYPASSRLS is needed for that, so no superuser is needed to set it up.
  foreach t in array array['vex.open_findings', 'ingest.sbom_document', 'authority.tenant'] loop
    execute format('drop policy if exists p_views on %s', t);
    execute format('create policy p_views on %s for select to %s using (%s)', t, access.role('sluice_views'), views);
  end loop;

  -- Workers take jobs of every tenant.
  execute 'drop policy if exists p_worker on core.job_queue';
  execute format('create policy p_worker on core.job_queue for all to %s using (%s) with check (%s)', access.role('sluice_projector'), worker, worker);

  -- The relay sends what every tenant has in the outbox.
  execute 'drop policy if exists p_relay on core.outbox';
  execute format('create policy p_relay on core.outbox for all to %s using (%s) with check (%s)', access.role('sluice_relay'), worker, worker);

  -- Maintenance clears what was sent, and jobs that were given up, of every tenant; what is
  -- still to be done it does not even see. Marks of stale views are no tenant's.
  execute 'drop policy if exists p_maintain on core.outbox';
  execute format('create policy p_maintain on core.outbox for all to %s using (dispatched_at is not null and (%s)) with check (false)', access.role('sluice_maintainer'), worker);
  execute 'drop policy if exists p_maintain on core.job_queue';
  execute format('create policy p_maintain on core.job_queue for all to %s using ((run_after = ''infinity'' or tenant_id is null) and (%s)) with check (false)', access.role('sluice_maintainer'), worker);

  -- The list of tenants: shared facts are handed on to each, and somebody has to keep it.
  execute 'drop policy if exists p_tenant_worker on authority.tenant';
  execute format('create policy p_tenant_worker on authority.tenant for select to %s using (%s)', access.role('sluice_projector'), worker);
  execute 'drop policy if exists p_tenant_admin on authority.tenant';
  execute format('create policy p_tenant_admin on authority.tenant for all to %s using (%s) with check (%s)', access.role('sluice_maintainer'), worker, worker);

  -- The shared feed: everyone reads it. Who writes it is decided by core.current_tenant().
  foreach t in array array['vex.vuln_fact', 'vex.vuln_affected', 'vex.vuln_alias', 'ingest.original'] loop
    execute format('drop policy if exists p_shared on %s', t);
    execute format('create policy p_shared on %s for select using (tenant_id = ''00000000-0000-0000-0000-000000000000''::uuid)', t);
  end loop;
end $$;

-- Search inside documents. Under row security the GIN index cannot be used (its operator is
-- not leakproof), so this asks as the views' role, with the tenant spelled out.
create or replace function ingest.search_documents(query jsonb)
returns table (id bigint, document_id uuid, artifact_purl text, created_at timestamptz)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select d.id, d.document_id, d.artifact_purl, d.created_at
  from ingest.sbom_document d
  where d.tenant_id = (select core.current_tenant()) and d.doc @> query
$$;

-- Refreshing takes the owner of the view before PostgreSQL 17; this lends just that. Where one
-- user owns everything a plain REFRESH would see no row, and leave the view empty: use this.
create or replace function vex.refresh_view(name text) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  before text := coalesce(current_setting('app.views', true), '');
begin
  if name not in ('mv_artifact_risk', 'mv_triage_queue') then
    raise exception 'no such materialized view: %', name using errcode = 'undefined_table';
  end if;
  perform set_config('app.views', 'on', true);
  execute format('refresh materialized view concurrently vex.%I', name);
  perform set_config('app.views', before, true);
end $$;

-- Merges the pending list of the GIN index; takes the index's owner.
create or replace function ingest.merge_search_index() returns bigint
language sql security definer
set search_path = pg_catalog, pg_temp
set maintenance_work_mem = '256MB'
as $$
  select gin_clean_pending_list('ingest.ix_sbom_doc_json_gin'::regclass)
$$;

-- Analyzes the tables that have at least doubled since they were analyzed last, or changed
-- by more than 20 times the root of their rows; that takes their owner. Autovacuum comes up to a
-- minute after a bulk load, and what is planned without statistics until then reads whole
-- tables for single rows. The second condition is for new tenants: of one that the statistics
-- do not have the planner thinks that it has no row, and then any index that leads with
-- tenant_id is as good to it as the right one. Returns how many.
create or replace function core.analyze_grown() returns int
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '1s'
as $$
declare
  t regclass;
  done int := 0;
begin
  for t in
    select c.oid::regclass from pg_class c
    where c.relkind = 'r' and not c.relispartition
      and c.relnamespace in ('ingest'::regnamespace, 'vex'::regnamespace, 'artifact'::regnamespace, 'unknowns'::regnamespace, 'core'::regnamespace)
      and (pg_relation_size(c.oid) / current_setting('block_size')::bigint > 2 * greatest(c.relpages, 8)
        or pg_stat_get_mod_since_analyze(c.oid) > 500 + 20 * sqrt(greatest(c.reltuples, 0)))
    order by 1
  loop
    execute format('analyze (skip_locked) %s', t);
    done := done + 1;
  end loop;
  return done;
end $$;

-- The tenant of a name or an id, for importers that serve several: it finds one, it lists none.
create or replace function authority.tenant_id(wanted text) returns uuid
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  before text := coalesce(current_setting('app.views', true), '');
  found uuid;
begin
  perform set_config('app.views', 'on', true);
  select t.tenant_id into found from authority.tenant t where t.name = wanted or t.tenant_id::text = lower(wanted) order by t.name = wanted desc limit 1;
  perform set_config('app.views', before, true);
  return found;
end $$;

revoke all on function ingest.search_documents(jsonb), vex.refresh_view(text), ingest.merge_search_index(), core.analyze_grown(), authority.tenant_id(text) from public;
revoke all on all functions in schema access from public;

do $$
declare
  everyone text := 'sluice_ingest, sluice_projector, sluice_maintainer, sluice_relay, sluice_reader, sluice_monitor, sluice_views';
begin
  if access.role('sluice_views') <> 'sluice_views' then
    return; -- one user owns everything: there is nobody to grant to
  end if;

  execute 'grant create on schema vex, ingest, authority to sluice_views';
  execute 'alter materialized view vex.mv_artifact_risk owner to sluice_views';
  execute 'alter materialized view vex.mv_triage_queue owner to sluice_views';
  execute 'alter view vex.artifact_risk owner to sluice_views';
  execute 'alter view vex.triage_queue owner to sluice_views';
  execute 'alter function vex.refresh_view(text) owner to sluice_views';
  execute 'alter function ingest.search_documents(jsonb) owner to sluice_views';
  execute 'alter function authority.tenant_id(text) owner to sluice_views';
  execute 'revoke create on schema vex, ingest, authority from sluice_views';
  execute 'grant select on vex.open_findings, ingest.sbom_document, authority.tenant to sluice_views';

  execute 'grant usage on schema core, ingest, vex, unknowns, artifact, authority, routing to ' || everyone;

  -- reader: one tenant's rows, nothing else
  execute 'grant select on ingest.original, ingest.sbom_document, ingest.document_alias, ingest.sbom_inventory, ingest.sbom_component,
    ingest.scan_run, ingest.scan_run_event, ingest.parked, ingest.file_checkpoint,
    vex.package, vex.package_key, vex.vuln_fact, vex.vuln_affected, vex.vuln_alias, vex.vex_document, vex.vex_statement, vex.vex_decision,
    vex.package_vuln, vex.open_findings, vex.suppressed_findings, vex.finding_history, vex.artifact_risk, vex.triage_queue,
    unknowns.unknown, unknowns.current, artifact.artifact, artifact.stream, artifact.signature, artifact.tag,
    authority.tenant, authority.audit_log, routing.feature_flag, routing.feature_flag_history, routing.rate_limit_config, routing.instance,
    core.schema_version, core.schema_migration
    to sluice_reader';
  execute 'grant execute on function ingest.search_documents(jsonb) to sluice_reader, sluice_ingest, sluice_projector';

  -- ingest: appends, and moves its own position
  execute 'grant insert on ingest.original, ingest.sbom_document, ingest.document_alias, ingest.sbom_inventory, ingest.scan_run, ingest.scan_run_event,
    ingest.parked, ingest.file_checkpoint, vex.package, vex.package_key, vex.vuln_fact, vex.vuln_affected, vex.vuln_alias, vex.vex_document, vex.vex_statement,
    artifact.artifact, core.job_queue, core.outbox, authority.audit_log to sluice_ingest';
  execute 'grant update, delete on ingest.parked, ingest.file_checkpoint to sluice_ingest';
  execute 'grant update on ingest.scan_run to sluice_ingest';
  execute 'grant select, insert, update on ingest.kafka_offset to sluice_ingest';
  execute 'grant select, insert on ingest.kafka_gap to sluice_ingest';
  execute 'grant usage on sequence ingest.kafka_gap_id_seq to sluice_ingest';
  execute 'grant select on core.job_queue to sluice_ingest';
  execute 'grant select on core.outbox_route to sluice_ingest, sluice_projector, sluice_monitor';
  execute 'grant select on core.partition_policy to sluice_ingest, sluice_projector';
  execute 'grant insert, update on vex.vex_decision to sluice_ingest';
  execute 'grant usage on sequence core.outbox_seq_seq, core.job_queue_id_seq, ingest.sbom_document_id_seq, ingest.scan_run_id_seq, ingest.parked_id_seq to sluice_ingest, sluice_projector';
  execute 'grant execute on function authority.tenant_id(text), ingest.merge_search_index(), core.analyze_grown() to sluice_ingest, sluice_projector, sluice_maintainer';

  -- feed, the only writer of the shared feed, is a member of ingest; both and the projector are readers (see the runner)

  -- projector: derived tables
  execute 'grant select, insert, update, delete on core.job_queue to sluice_projector';
  execute 'grant select, insert, update, delete on ingest.sbom_component, artifact.stream, vex.package_vuln, vex.open_findings, vex.suppressed_findings, unknowns.unknown to sluice_projector';
  execute 'grant insert, update on artifact.artifact to sluice_projector';
  execute 'grant insert on vex.package, vex.package_key, vex.finding_history, ingest.scan_run_event, core.outbox to sluice_projector';
  execute 'grant update (is_current) on vex.vuln_affected, vex.vuln_alias to sluice_projector';
  execute 'grant update (outcome) on vex.vex_statement to sluice_projector';
  execute 'grant select, update on vex.view_refresh to sluice_projector, sluice_maintainer';
  execute 'grant execute on function vex.refresh_view(text) to sluice_projector, sluice_maintainer';

  -- maintainer: tenants, partitions (through sluice_owner), clean-up
  execute 'grant select, insert, update on authority.tenant to sluice_maintainer';
  execute 'grant insert on authority.audit_log to sluice_maintainer';
  execute 'grant select, insert, update, delete on core.partition_policy to sluice_maintainer';
  execute 'grant select on core.retired_partition to sluice_maintainer, sluice_monitor';
  execute 'grant select on core.schema_version, core.schema_migration to sluice_maintainer, sluice_relay, sluice_monitor';

  -- Retention, in the name of one tenant at a time: it deletes documents, and may look at
  -- what decides whether one is needed, not at the documents.
  execute 'grant delete on ingest.original, ingest.sbom_document, ingest.document_alias, ingest.sbom_inventory,
    vex.vex_document, vex.vex_statement, vex.vuln_fact, vex.vuln_affected, vex.vuln_alias to sluice_maintainer';
  execute 'grant select (tenant_id, document_id, content_hash, kind, size, received_at) on ingest.original to sluice_maintainer';
  execute 'grant select (tenant_id, id, content_hash, document_id, artifact_id, stream, document_time, bom_serial) on ingest.sbom_document to sluice_maintainer';
  execute 'grant select (tenant_id, sbom_document_id) on ingest.sbom_inventory to sluice_maintainer';
  execute 'grant select (tenant_id, id) on vex.vex_document to sluice_maintainer';
  execute 'grant select (tenant_id, id, document_id, bom_serial, outcome) on vex.vex_statement to sluice_maintainer';
  execute 'grant select (tenant_id, id, external_id, content_hash, names, modified) on vex.vuln_fact to sluice_maintainer';
  execute 'grant select (tenant_id, fact_id, is_current) on vex.vuln_affected, vex.vuln_alias to sluice_maintainer';
  execute 'grant select (tenant_id, vuln_id, fact_id) on vex.package_vuln to sluice_maintainer';
  execute 'grant select (tenant_id, rationale, proof_ref) on vex.vex_decision to sluice_maintainer';
  execute 'grant select on ingest.document_alias, artifact.stream to sluice_maintainer';
  execute 'grant select, delete on ingest.parked, ingest.file_checkpoint, core.outbox, core.job_queue to sluice_maintainer';
  execute 'grant select on ingest.scan_run, ingest.scan_run_event to sluice_maintainer';
  execute 'grant update (state, updated_at, finished_at) on ingest.scan_run to sluice_maintainer';
  execute 'grant select, insert, update on core.maintenance to sluice_maintainer';

  -- relay: the outbox
  execute 'grant select, update, delete on core.outbox to sluice_relay';
  execute 'grant select, update on core.outbox_route to sluice_relay';

  -- monitor: figures, never content
  execute 'grant select on vex.view_refresh, core.partition_policy, core.maintenance, ingest.kafka_offset, ingest.kafka_gap to sluice_monitor';
end $$;

insert into core.schema_version (module, version, migration_hash)
values ('access', 1, '<hash>')
on conflict (module) do update
  set version = excluded.version, applied_at = now(), migration_hash = excluded.migration_hash;
commit;
