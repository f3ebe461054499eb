-- The last entry of tenant $1 before all that happened at $2 or later; 0 where there is none. By number: an
-- entry with an early time behind one with a late time stays.
select coalesce(
  (select min(c.seq) - 1 from authority.audit_chain c join authority.audit_log l on l.id = c.audit_id and l.tenant_id = c.tenant_id
   where c.tenant_id = $1 and l.at >= $2),
  (select max(seq) from authority.audit_chain where tenant_id = $1), 0)
