-- What tenant $1 was called before its deletion began, and whether that has.
select coalesce(settings ->> 'deleting', name), settings ? 'deleting' from authority.tenant where tenant_id = $1
