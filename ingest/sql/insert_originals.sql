-- First of all inserts, sorted like all of them (unsorted ones deadlock): a document that
-- somebody stored since the look-up is missing from the count, and the batch starts over.
-- No conflict target: with one, the other unique index (document_id) would raise an error
-- where two imports store the same document at the same moment.
insert into ingest.original (tenant_id, content_hash, document_id, kind, format, format_version, size, encoding, bytes, origin, scan_run_id, warnings,
  tool, tool_version, quality)
select $1, content_hash, document_id, kind, format, format_version, size, encoding, bytes, origin, scan_run_id, warnings::jsonb,
  tool, tool_version, quality::jsonb
from unnest($2::bytea[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::text[], $9::bytea[], $10::text[], $11::bigint[], $12::text[],
    $13::text[], $14::text[], $15::text[])
  as t (content_hash, document_id, kind, format, format_version, size, encoding, bytes, origin, scan_run_id, warnings, tool, tool_version, quality)
order by content_hash
on conflict do nothing
