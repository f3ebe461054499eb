-- Statements on their way into vex_statement: of imports, and of documents that are read again.
create temp table if not exists t_statement (
  id uuid, document_id uuid, ordinal int, pointer text, vuln_id text, status text, justification text, impact text, action text,
  issuer text, statement_time timestamptz, product text, product_purl text, product_key text, subcomponent text, subcomponent_key text,
  artifact_id uuid, bom_serial text, bom_ref text, version_range text, source text, content_hash bytea,
  embedded boolean, own_time boolean, unreadable text, product_range text) on commit delete rows;
