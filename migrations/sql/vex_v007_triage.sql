-- Migration: vex_v007_triage
-- Dependencies: vex_v001, vex_v004, artifact_v002, access_v001
--
-- The triage queue says why something comes first: known to be exploited, how likely it is to be, how
-- severe, whether there is a fix, whether it is exposed. The view is made anew and empty, and the
-- first projector or `sluice maintain views` fills it: seconds for a million findings, without a lock.
begin;

drop view if exists vex.triage_queue;
drop materialized view if exists vex.mv_triage_queue;

-- The order is one number: known to be exploited, then EPSS from a half, a tenth and a hundredth, then
-- severity, then a fix, then exposure. An EPSS score is a guess, and 0.51 is not less than 0.53: within its band
-- severity counts.
create materialized view vex.mv_triage_queue as
  with exposing as (
    select t.tenant_id, t.artifact_id from artifact.tag t
    join authority.tenant n on n.tenant_id = t.tenant_id
    where t.tag in (
      select jsonb_array_elements_text(case jsonb_typeof(n.settings #> '{triage,exposed_tags}') when 'array' then n.settings #> '{triage,exposed_tags}'
        else '["production", "internet-facing"]' end))
    group by 1, 2
  ), f as (
    select o.tenant_id, o.vuln_id, o.package_id,
           min(o.package_purl collate "C") as package_purl,
           max(o.score) as score,
           count(*) as artifacts,
           count(*) filter (where o.vex ->> 'status' = 'under_investigation') as under_investigation,
           bool_or(o.fixed_versions <> '{}') as fix_available,
           min(o.first_seen) as first_seen,
           max(case o.severity when 'critical' then 4 when 'high' then 3 when 'medium' then 2 when 'low' then 1 else 0 end) as rated,
           count(x.artifact_id) as exposed
    from vex.open_findings o
    left join exposing x on x.tenant_id = o.tenant_id and x.artifact_id = o.artifact_id
    group by o.tenant_id, o.vuln_id, o.package_id
  ), known as (
    -- A tenant's own catalogue counts beside the shared one.
    select f.*,
           exists (select from vex.kev k where k.tenant_id in (f.tenant_id, '00000000-0000-0000-0000-000000000000') and k.vuln_id = f.vuln_id and k.removed_at is null) as kev,
           coalesce((select e.score from vex.epss e where e.tenant_id = f.tenant_id and e.vuln_id = f.vuln_id),
                    (select e.score from vex.epss e where e.tenant_id = '00000000-0000-0000-0000-000000000000' and e.vuln_id = f.vuln_id)) as epss
    from f
  )
  select tenant_id, vuln_id, package_id, package_purl, score, artifacts, under_investigation, fix_available, first_seen,
         (array['', 'low', 'medium', 'high', 'critical'])[rated + 1] as severity,
         kev, epss, exposed,
         case when kev then 10000 else 0 end
           + case when epss >= 0.5 then 3000 when epss >= 0.1 then 2000 when epss >= 0.01 then 1000 else 0 end
           + 100 * rated + case when fix_available then 10 else 0 end + case when exposed > 0 then 1 else 0 end as priority
  from known;
create unique index ux_mv_triage_queue on vex.mv_triage_queue (tenant_id, vuln_id, package_id);
create index ix_mv_triage_queue_score on vex.mv_triage_queue (tenant_id, score desc nulls last, artifacts desc);
create index ix_mv_triage_queue_priority on vex.mv_triage_queue (tenant_id, priority desc, epss desc nulls last, score desc nulls last, artifacts desc, vuln_id, package_id);
create index ix_mv_triage_queue_seen on vex.mv_triage_queue (tenant_id, first_seen);

create view vex.triage_queue with (security_barrier) as
  select * from vex.mv_triage_queue
  where tenant_id = (select core.current_tenant());

-- Which feeds the views were made with: another one makes them stale.
alter table vex.view_refresh add column if not exists feeds text not null default '';
comment on column vex.view_refresh.feeds is 'The documents of EPSS and KEV that it was made with.';

do $$
declare
  separate boolean := access.role('sluice_views') = 'sluice_views';
  views text := case when separate then 'true' else 'current_setting(''app.views'', true) = ''on''' end;
  t text;
begin
  foreach t in array array['artifact.tag', 'vex.epss', 'vex.kev'] loop
    execute format('drop policy if exists p_views on %s', t);
    execute format('create policy p_views on %s for select to %s using (%s)', t, access.role('sluice_views'), views);
  end loop;
  if not separate then
    return; -- one user owns everything: there is nobody to grant to
  end if;
  execute 'grant create on schema vex to sluice_views';
  execute 'alter materialized view vex.mv_triage_queue owner to sluice_views';
  execute 'alter view vex.triage_queue owner to sluice_views';
  execute 'revoke create on schema vex from sluice_views';
  execute 'grant select on artifact.tag, vex.epss, vex.kev to sluice_views';
  execute 'grant usage on schema artifact, authority to sluice_views';
  execute 'grant select on vex.triage_queue to sluice_reader';
end $$;

-- It is empty: where there are findings somebody has to fill it. The owner is no tenant, and the mark is no tenant's.
alter table core.job_queue no force row level security;
alter table vex.open_findings no force row level security;
insert into core.job_queue (tenant_id, kind, payload) select null, 'views', '{}' where exists (select from vex.open_findings);
alter table vex.open_findings force row level security;
alter table core.job_queue force row level security;

insert into core.schema_version (module, version, migration_hash)
values ('vex', 7, '<hash>')
on conflict (module) do update
  set version = excluded.version, applied_at = now(), migration_hash = excluded.migration_hash;
commit;
