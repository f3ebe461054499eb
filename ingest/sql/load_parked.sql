-- One parked document with its bytes.
select origin, reason, pointer, message, format, encoding, bytes, size, hints
from ingest.parked where tenant_id = $1 and id = $2 and (bytes is not null or hints ? 'document_ref')
