-- As text: bytes would be taken for the binary form of jsonb.
update authority.tenant set settings = $2::text::jsonb, updated_at = now() where tenant_id = $1
