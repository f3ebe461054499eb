-- So many documents of the message are stored.
update ingest.deferred set next_entry = $3 where id = $1 and lease_token = $2
