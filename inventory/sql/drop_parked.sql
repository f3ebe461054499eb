-- Deletes what is parked of tenant $1 with one of the ids $2 (null is any) and for reason $3 ('' is any).
delete from ingest.parked
where tenant_id = $1 and ($2::bigint[] is null or id = any ($2)) and ($3 = '' or reason = $3)
returning 'sha256:' || encode(content_hash, 'hex') as hash, reason
