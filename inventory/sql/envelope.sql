-- The bytes of an envelope, as they are stored.
select encoding, envelope, size from artifact.signature where tenant_id = $1 and id = $2
