-- Which of the hashes $2 tenant $1 has already, and as what. The parked ones come with
-- the revision of the program that parked them, and with what was said about them: another
-- revision tries again, and so does who says something else.
-- One search of the index for the whole array is four times cheaper than a probe per hash.
-- The pool's enable_seqscan = off keeps it a search while the table has no statistics.
select content_hash, document_id, format, format_version, '' as parked, '' as revision, '' as kind, '' as artifact, '' as stream
from ingest.original
where tenant_id = $1 and content_hash = any ($2)
union all
select a.content_hash, a.document_id, o.format, o.format_version, '', '', '', '', ''
from ingest.document_alias a
cross join lateral (
  select format, format_version from ingest.original
  where tenant_id = $1 and document_id = a.document_id limit 1) as o
where a.tenant_id = $1 and a.content_hash = any ($2)
union all
select content_hash, document_id, format, '', reason, revision, coalesce(hints ->> 'kind', ''), coalesce(hints ->> 'artifact', ''), coalesce(hints ->> 'stream', '')
from ingest.parked
where tenant_id = $1 and content_hash = any ($2)
