-- Migration: access_v002_figures
-- Dependencies: access_v001, ingest_v006
--
-- What a monitor may count of every tenant's queues, and nothing else of them. Adds policies, a
-- function and an index of the table of tenants; each takes its lock for a moment.
begin;

create index if not exists ix_tenant_created on authority.tenant (created_at, tenant_id);

do $$
declare
  separate boolean := access.role('sluice_views') = 'sluice_views';
  views text := case when separate then 'true' else 'current_setting(''app.views'', true) = ''on''' end;
  t text;
begin
  foreach t in array array['core.job_queue', 'core.outbox', 'ingest.parked'] loop
    execute format('drop policy if exists p_views on %s', t);
    execute format('create policy p_views on %s for select to %s using (%s)', t, access.role('sluice_views'), views);
  end loop;
end $$;

-- The figures of the queues, over all tenants: a name, what it is about, a number. Every number
-- comes off an index: kinds, reasons and topics by loose scans, ages from the first entry, counts
-- up to 10,000 entries (1,000 for a tenant) and no further. So it costs the same however
-- long the queues are, and the planner may not think otherwise: a bitmap is of all entries, a scan
-- of a table may pass over most of it. The first tenants that were made are named, as many as are asked for.
create or replace function core.figures(named int)
returns table (figure text, label text, value float8)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set enable_bitmapscan = off
as $$
declare
  before text := coalesce(current_setting('app.views', true), '');
begin
  perform set_config('app.views', 'on', true);

  return query
  with recursive kinds as (
    (select j.kind from core.job_queue j where j.locked_at is null order by j.kind limit 1)
    union all
    select (select j.kind from core.job_queue j where j.locked_at is null and j.kind > k.kind order by j.kind limit 1)
    from kinds k where k.kind is not null
  )
  select f.name, k.kind, f.number::float8
  from kinds k cross join lateral (values
    ('jobs_ready', (select count(*) from (
      select from core.job_queue j where j.locked_at is null and j.kind = k.kind and j.run_after <= now() limit 10000) q)),
    ('jobs_retrying', (select count(*) from (
      select from core.job_queue j where j.locked_at is null and j.kind = k.kind and j.run_after > now() and j.run_after < 'infinity' limit 10000) q)),
    ('jobs_given_up', (select count(*) from (
      select from core.job_queue j where j.locked_at is null and j.kind = k.kind and j.run_after = 'infinity' limit 10000) q)),
    ('jobs_oldest', (
      select extract(epoch from now() - j.run_after) from core.job_queue j
      where j.locked_at is null and j.kind = k.kind and j.run_after <= now() order by j.run_after limit 1))
  ) as f (name, number)
  where k.kind <> 'views' and f.number is not null; -- marks of stale views are no work

  -- Leased jobs are as many as the workers hold.
  return query
  select f.name, '', f.number::float8
  from (select count(*) as n, extract(epoch from now() - min(j.run_after)) as oldest
        from (select i.run_after from core.job_queue i where i.locked_at is not null order by i.lease_until limit 10000) j) l
  cross join lateral (values ('jobs_leased', l.n), ('jobs_oldest_leased', l.oldest)) as f (name, number)
  where f.number is not null;

  return query
  with recursive reasons as (
    (select p.reason from ingest.parked p order by p.reason limit 1)
    union all
    select (select p.reason from ingest.parked p where p.reason > r.reason order by p.reason limit 1)
    from reasons r where r.reason is not null
  )
  select 'parked', r.reason, (select count(*) from (select from ingest.parked p where p.reason = r.reason limit 10000) q)::float8
  from reasons r where r.reason is not null;

  return query
  with recursive topics as (
    (select o.topic from core.outbox o where o.dispatched_at is null order by o.topic limit 1)
    union all
    select (select o.topic from core.outbox o where o.dispatched_at is null and o.topic > t.topic order by o.topic limit 1)
    from topics t where t.topic is not null
  )
  select f.name, t.topic, f.number::float8
  from topics t cross join lateral (values
    ('outbox', (select count(*) from (select from core.outbox o where o.dispatched_at is null and o.topic = t.topic limit 10000) q)),
    ('outbox_oldest', (select extract(epoch from now() - o.created_at) from core.outbox o where o.dispatched_at is null and o.topic = t.topic order by o.seq limit 1))
  ) as f (name, number)
  where t.topic is not null and f.number is not null;

  return query
  select f.name, t.tenant_id::text || ' ' || t.name, f.number::float8
  from (select a.tenant_id, a.name from authority.tenant a order by a.created_at, a.tenant_id limit named) t
  cross join lateral (values
    ('tenant_jobs', (select count(*) from (select from core.job_queue j where j.locked_at is null and j.tenant_id = t.tenant_id limit 1000) q)),
    ('tenant_parked', (select count(*) from (select from ingest.parked p where p.tenant_id = t.tenant_id limit 1000) q))
  ) as f (name, number);

  perform set_config('app.views', before, true);
end $$;
revoke all on function core.figures(int) from public;

do $$
begin
  if access.role('sluice_views') <> 'sluice_views' then
    return; -- one user owns everything: there is nobody to grant to
  end if;
  execute 'grant select (tenant_id, id, kind, run_after, locked_at, lease_until) on core.job_queue to sluice_views';
  execute 'grant select (topic, seq, created_at, dispatched_at) on core.outbox to sluice_views';
  execute 'grant select (tenant_id, id, reason) on ingest.parked to sluice_views';
  execute 'grant create on schema core to sluice_views';
  execute 'alter function core.figures(int) owner to sluice_views';
  execute 'revoke create on schema core from sluice_views';
  execute 'grant execute on function core.figures(int) to sluice_monitor';
end $$;

insert into core.schema_version (module, version, migration_hash)
values ('access', 2, '<hash>')
on conflict (module) do update
  set version = excluded.version, applied_at = now(), migration_hash = excluded.migration_hash;
commit;
