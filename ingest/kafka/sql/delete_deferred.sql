-- All of the message is stored, or parked.
delete from ingest.deferred where id = $1 and lease_token = $2
