-- Tenants with a job that is ready and none that somebody holds. A loose index scan finds
-- the next tenant from the last one; `locked_at is null` and `is not null` are spelled out
-- because the indexes are partial by them.
with recursive tenants as (
  (select tenant_id from core.job_queue where locked_at is null and tenant_id is not null order by tenant_id limit 1)
  union all
  select (select j.tenant_id from core.job_queue j where j.locked_at is null and j.tenant_id > t.tenant_id order by j.tenant_id limit 1)
  from tenants t where t.tenant_id is not null
), held as materialized (
  select distinct tenant_id from core.job_queue where locked_at is not null and lease_until > now() and tenant_id is not null
)
select tenant_id from tenants t
where tenant_id is not null
  and exists (select from core.job_queue r where r.tenant_id = t.tenant_id and r.locked_at is null and r.run_after <= now())
  and not exists (select from held h where h.tenant_id = t.tenant_id)
order by tenant_id
