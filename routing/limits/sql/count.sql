-- What a tenant has used of a bucket in an interval, by the table.
select coalesce((select used from routing.rate_limit_counter where tenant_id = $1 and bucket = $2 and interval_number = $3), 0)
