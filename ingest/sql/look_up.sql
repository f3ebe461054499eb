-- Which of the hashes $2 tenant $1 has already, and as what. The parked ones come with
-- the revision of the program that parked them: another revision tries again.
-- LIMIT keeps the planner from turning the probes into a join that reads the whole
-- table: that is what it takes for best while the table is empty, and the plan is kept.
select h.hash, o.document_id, o.format, o.format_version, '' as parked, '' as revision
from unnest($2::bytea[]) as h (hash)
cross join lateral (
  select document_id, format, format_version from ingest.original
  where tenant_id = $1 and content_hash = h.hash limit 1) as o
union all
select h.hash, a.document_id, o.format, o.format_version, '', ''
from unnest($2::bytea[]) as h (hash)
cross join lateral (
  select document_id from ingest.document_alias
  where tenant_id = $1 and content_hash = h.hash limit 1) as a
cross join lateral (
  select format, format_version from ingest.original
  where tenant_id = $1 and document_id = a.document_id limit 1) as o
union all
select h.hash, p.document_id, p.format, '', p.reason, p.revision
from unnest($2::bytea[]) as h (hash)
cross join lateral (
  select document_id, format, reason, revision from ingest.parked
  where tenant_id = $1 and content_hash = h.hash limit 1) as p
