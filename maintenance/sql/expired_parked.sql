select count(*), coalesce(sum(size), 0)::bigint from ingest.parked where tenant_id = $1 and updated_at < $2
