-- What is parked of tenant $1 for reason $2 ('' is any), in the order it was parked.
select id, origin, 'sha256:' || encode(content_hash, 'hex') as hash, reason, pointer, message, format, size, bytes is not null as has_bytes, attempts, created_at
from ingest.parked
where tenant_id = $1 and ($2 = '' or reason = $2)
order by id
