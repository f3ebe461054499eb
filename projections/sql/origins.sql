-- Where documents ($2) came from.
select o.document_id, o.origin, o.scan_run_id, o.content_hash
from unnest($2::uuid[]) as k (document)
cross join lateral (
  select document_id, origin, scan_run_id, content_hash from ingest.original where tenant_id = $1 and document_id = k.document offset 0) as o
