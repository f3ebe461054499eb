-- Sets a flag. Version and history are the table's business: see its triggers.
insert into routing.feature_flag as f (tenant_id, key, rules, is_enabled) values ($1, $2, $3::text::jsonb, $4)
on conflict (tenant_id, key) do update set rules = excluded.rules, is_enabled = excluded.is_enabled
returning id, key, tenant_id, version, is_enabled, rules::text, updated_at
