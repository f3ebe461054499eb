-- The envelopes of the document with hash $2, and of what repeated it, the one that says most first.
select g.id::text as id, 'sha256:' || encode(g.content_hash, 'hex') as document_hash, g.kind, g.outcome, coalesce(g.key_id, '') as key_id, g.why, g.payload_type, g.predicate_type,
  g.subjects, g.origin, g.size, g.verified_at, g.created_at
from artifact.signature g
where g.tenant_id = $1 and (g.content_hash = $2 or g.content_hash in (
  select a.content_hash from ingest.document_alias a join ingest.original o on o.tenant_id = a.tenant_id and o.document_id = a.document_id
  where a.tenant_id = $1 and o.content_hash = $2))
order by array_position(array['verified', 'bad', 'unknown-key', 'unchecked', 'unsigned'], g.outcome), g.created_at, g.id
