-- One row, in the transaction of what it is about, by who is named or else by the user of the
-- transaction (the specification's section 2.3). The diff comes as text: bytes would be taken
-- for the binary form of jsonb.
insert into authority.audit_log (tenant_id, actor_id, action, entity_type, entity_id, diff)
values ($1, coalesce($2, nullif(current_setting('app.user_id', true), '')::uuid), $3, $4, $5, $6::text::jsonb)
