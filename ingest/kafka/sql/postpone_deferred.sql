-- The document did not come: again after $3, and why.
update ingest.deferred set lease_token = null, lease_until = null, due_at = clock_timestamp() + $3::interval, error = $4
where id = $1 and lease_token = $2
