-- Parked documents that were tried last before the cutoff, the oldest first, so many at a time.
select count(*), coalesce(sum(size), 0)::bigint from ingest.parked where tenant_id = $1 and updated_at < $2
