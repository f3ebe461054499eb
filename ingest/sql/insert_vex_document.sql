-- One VEX document. Inserted directly, since its body may be large.
insert into vex.vex_document (tenant_id, id, external_id, content_hash, doc, format, format_version, issuer, document_time, statement_count, scan_run_id,
  series, version, version_rank, status)
values ($1, $2, $3, $4, $5::jsonb, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
