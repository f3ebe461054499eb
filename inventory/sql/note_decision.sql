-- The audit log has who decided what, and what stood before.
insert into authority.audit_log (tenant_id, actor_id, action, entity_type, entity_id, diff)
values ($1, $2, 'vex.decide', 'vex_decision', $3, $4)
