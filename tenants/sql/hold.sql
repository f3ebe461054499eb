-- Whether the settings are still $2; the share lock lets nobody change them before the commit.
select settings = $2::text::jsonb from authority.tenant where tenant_id = $1 for share
