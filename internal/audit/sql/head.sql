-- Where the chain of tenant $1 ends by its head, and up to where it was cut off; nulls where it has none.
select h.seq, h.hash, k.seq, k.hash
from (select $1::uuid as tenant_id) t
left join authority.audit_head h on h.tenant_id = t.tenant_id
left join lateral (
  select seq, hash from authority.audit_cut where tenant_id = t.tenant_id order by seq desc limit 1) k on true
