-- Parked events of tenant $1 with their bytes: with one of the ids $2 (null is any) and for reason $3 ('' is any).
select id, origin, encoding, bytes, size, scan_run_id, coalesce(hints ->> 'tenant', ''), coalesce(hints ->> 'message_time', ''), reason
from ingest.parked
where tenant_id = $1 and bytes is not null and hints ? 'event' and ($2::bigint[] is null or id = any ($2)) and ($3 = '' or reason = $3)
order by id
