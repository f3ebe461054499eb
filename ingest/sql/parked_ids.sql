-- What can be replayed of tenant $1: documents whose bytes are kept, or that a message only named. Events have a way of
-- their own.
select id from ingest.parked
where tenant_id = $1 and (bytes is not null or hints ? 'document_ref') and not hints ? 'event' and ($2::bigint[] is null or id = any ($2)) and ($3 = '' or reason = $3)
order by id
