insert into vex.vex_document (tenant_id, id, external_id, content_hash, doc, format, format_version, issuer, document_time, statement_count, scan_run_id)
select $1, id, external_id, content_hash, doc::jsonb, format, format_version, issuer, document_time, statement_count, scan_run_id
from t_vex order by id
