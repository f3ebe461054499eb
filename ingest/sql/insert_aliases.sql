-- Only of documents that are still there: one that retention deleted since the look-up is
-- missing from the count, and the batch starts over.
insert into ingest.document_alias (tenant_id, content_hash, document_id, artifact_id, stream, document_time, origin, scan_run_id, bom_serial, version_rank)
select $1, content_hash, document_id, artifact_id, stream, document_time, origin, scan_run_id, bom_serial, version_rank
from unnest($2::bytea[], $3::uuid[], $4::uuid[], $5::text[], $6::timestamptz[], $7::text[], $8::bigint[], $9::text[], $10::text[])
  as t (content_hash, document_id, artifact_id, stream, document_time, origin, scan_run_id, bom_serial, version_rank)
where exists (select from ingest.original o where o.tenant_id = $1 and o.document_id = t.document_id offset 0)
order by content_hash
on conflict (tenant_id, content_hash) do nothing
