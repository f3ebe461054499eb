-- One original too large to go with others; like insert_originals.
insert into ingest.original (tenant_id, content_hash, document_id, kind, format, format_version, size, encoding, bytes, origin, scan_run_id, warnings,
  tool, tool_version, quality)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12::text::jsonb, $13, $14, $15::text::jsonb)
on conflict do nothing
