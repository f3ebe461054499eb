-- One row, in the transaction of what it is about. The diff comes as text: bytes would be taken
-- for the binary form of jsonb.
insert into authority.audit_log (tenant_id, actor_id, action, entity_type, entity_id, diff)
values ($1, $2, $3, $4, $5, $6::text::jsonb)
