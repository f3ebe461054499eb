-- The current document of each stream, as it is projected now.
insert into artifact.stream (tenant_id, artifact_id, stream, document_id, content_hash, document_time, component_count)
select $1, artifact_id, stream, document_id, content_hash, document_time, component_count
from p_stream order by artifact_id, stream
on conflict (tenant_id, artifact_id, stream) do update set
  document_id = excluded.document_id, content_hash = excluded.content_hash, document_time = excluded.document_time,
  component_count = excluded.component_count, projected_at = now()
