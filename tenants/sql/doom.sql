-- Takes the name of tenant $1 away, which is about to be deleted, and notes it in the settings.
update authority.tenant set settings = settings || jsonb_build_object('deleting', name), name = 'deleting.' || replace(tenant_id::text, '-', ''), updated_at = now()
where tenant_id = $1
