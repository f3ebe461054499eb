-- Deletes a limit.
delete from routing.rate_limit_config where tenant_id = $1 and key = $2
