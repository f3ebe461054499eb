-- Versions of vulnerability records; one that is here already stays as it is.
insert into vex.vuln_fact (tenant_id, id, source, external_id, payload, schema_version, document_id, content_hash, names, modified, withdrawn, summary, score, severity, vector)
select $1, id, source, external_id, payload::jsonb, 1, document_id, content_hash, names, modified, withdrawn, summary, score, severity, vector
from t_fact order by id
