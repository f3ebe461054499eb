-- What the current records of these ids say of their severity; the worst where several do.
select distinct on (external_id) external_id, score, severity
from (
  select distinct on (tenant_id, external_id) external_id, tenant_id, score, severity, withdrawn
  from vex.vuln_fact
  where tenant_id = any (array[$1::uuid, '00000000-0000-0000-0000-000000000000'::uuid]) and external_id = any ($2)
  order by tenant_id, external_id, modified desc nulls last, content_hash desc, id
) as newest
where withdrawn is null and score is not null
order by external_id, score desc, severity
