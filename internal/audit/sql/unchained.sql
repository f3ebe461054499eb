-- The oldest entry of tenant $1 that is in no chain: nobody gets there but past the trigger.
select l.id, l.at, l.action from authority.audit_log l
where l.tenant_id = $1
  and not exists (select from authority.audit_chain c where c.tenant_id = l.tenant_id and c.audit_id = l.id)
order by l.at, l.id limit 1
