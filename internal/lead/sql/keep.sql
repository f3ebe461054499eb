-- Keeps the lead for another $3; no row: somebody else has it.
update core.lead set lease_until = clock_timestamp() + $3::interval, updated_at = clock_timestamp() where job = $1 and token = $2
