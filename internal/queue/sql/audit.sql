-- What was dropped, in the audit log.
insert into authority.audit_log (tenant_id, action, entity_type, diff) values ($1, 'jobs.drop', 'job', $2::text::jsonb)
