select tenant_id, name, settings from authority.tenant order by name
