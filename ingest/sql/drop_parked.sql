-- What was replayed is parked no more, in the transaction in which it landed.
delete from ingest.parked where tenant_id = $1 and id = any ($2)
