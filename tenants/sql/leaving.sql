-- The tenant that is being deleted and was called $1 before.
select tenant_id from authority.tenant where settings ->> 'deleting' = $1 order by updated_at limit 1
