-- A document that is parked again keeps its row, with one more attempt and what is wrong now.
insert into ingest.parked (tenant_id, content_hash, document_id, origin, reason, pointer, message, format, hints, size, encoding, bytes, revision, scan_run_id)
select $1, content_hash, document_id, origin, reason, pointer, message, format, hints::jsonb, size, encoding, bytes, revision, scan_run_id
from unnest($2::bytea[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::bigint[], $11::text[], $12::bytea[],
    $13::text[], $14::bigint[])
  as t (content_hash, document_id, origin, reason, pointer, message, format, hints, size, encoding, bytes, revision, scan_run_id)
order by content_hash, document_id
on conflict (tenant_id, document_id) do update set
  attempts = parked.attempts + 1, reason = excluded.reason, pointer = excluded.pointer, message = excluded.message, format = excluded.format,
  hints = excluded.hints, revision = excluded.revision, scan_run_id = excluded.scan_run_id, updated_at = now(), origin = excluded.origin,
  bytes = coalesce(excluded.bytes, parked.bytes), encoding = case when excluded.bytes is null then parked.encoding else excluded.encoding end
