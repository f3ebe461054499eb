-- A version of the document $2. Its time is later than that of the one before by a second at least,
-- which is as exactly as documents tell it.
insert into vex.export_version (tenant_id, series, version, format, artifact_purl, author, content_hash, verdicts, created_by, created_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, greatest(date_trunc('second', statement_timestamp()), $10::timestamptz + interval '1 second'))
returning created_at
