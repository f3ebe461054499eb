-- Takes out the counts of a tenant that nobody needs any more: a handful.
delete from routing.rate_limit_counter where tenant_id = $1 and expires_at < now()
