-- An event that landed is parked no more; no row means that somebody else was faster.
delete from ingest.parked where tenant_id = $1 and id = $2
