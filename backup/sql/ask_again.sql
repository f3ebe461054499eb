-- Every document is read again from its original, every stream and decision is looked at again.
insert into core.job_queue (tenant_id, kind, payload, dedup_key)
select tenant_id, 'reread', jsonb_build_object('document', document_id), document_id from ingest.original order by tenant_id, content_hash;
insert into core.job_queue (tenant_id, kind, payload)
select tenant_id, 'sbom', jsonb_build_object('artifact', artifact_id, 'stream', stream) from artifact.stream order by tenant_id, artifact_id, stream;
insert into core.job_queue (tenant_id, kind, payload)
select tenant_id, 'decision', jsonb_build_object('vuln', vuln_id)
from (select tenant_id, vuln_id from vex.vex_decision union select tenant_id, vuln_id from vex.artifact_decision) as d
