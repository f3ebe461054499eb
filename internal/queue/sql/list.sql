-- Jobs of the tenants $1, with the ids $2, in the states $3, of the kind $4, whose last error
-- contains $5; each null, empty or '' for all. At most $6, 0 for all. Rows without a tenant
-- are marks, not work.
with j as not materialized (
  select id, tenant_id, kind, coalesce(dedup_key, '') as key, attempts, max_attempts, coalesce(last_error, '') as error, created_at, run_after,
         case when locked_at is not null then 'leased' when run_after = 'infinity' then 'given-up'
              when last_error is not null and attempts > 0 then 'failing' else 'waiting' end as state
  from core.job_queue where tenant_id is not null
)
select j.id, j.tenant_id, case when j.tenant_id = '00000000-0000-0000-0000-000000000000' then '(shared feed)' else coalesce(t.name, '') end,
       j.kind, j.key, j.state, j.attempts, j.max_attempts, j.error, j.created_at, nullif(j.run_after, 'infinity')
from j left join authority.tenant t on t.tenant_id = j.tenant_id
where (coalesce(cardinality($1::uuid[]), 0) = 0 or j.tenant_id = any ($1)) and (coalesce(cardinality($2::bigint[]), 0) = 0 or j.id = any ($2))
  and (coalesce(cardinality($3::text[]), 0) = 0 or j.state = any ($3)) and ($4 = '' or j.kind = $4) and ($5 = '' or strpos(j.error, $5) > 0)
order by j.id limit nullif($6::int, 0)
