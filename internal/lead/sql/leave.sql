-- Gives the lead up: whoever stands by need not wait for the end of the lease.
update core.lead set lease_until = clock_timestamp(), updated_at = clock_timestamp() where job = $1 and token = $2 and lease_until > clock_timestamp()
