-- Statements are immutable: one that is here already stays.
insert into vex.vex_statement (tenant_id, id, document_id, ordinal, pointer, vuln_id, status, justification, impact, action, issuer,
  statement_time, product, product_purl, product_key, subcomponent, subcomponent_key, artifact_id, bom_serial, bom_ref, version_range, source, content_hash,
  embedded, own_time, unreadable, product_range)
select $1, id, document_id, ordinal, pointer, vuln_id, status, justification, impact, action, issuer,
  statement_time, product, product_purl, product_key, subcomponent, subcomponent_key, artifact_id, bom_serial, bom_ref, version_range, source, content_hash,
  embedded, own_time, unreadable, product_range
from t_statement order by id
