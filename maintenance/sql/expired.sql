-- The next $6 originals after ($2, $3) that are older than the tenant's policy for their kind
-- allows ($4 kinds, $5 cut-offs), the oldest first; needed or not.
select o.document_id, o.received_at
from ingest.original o
where o.tenant_id = $1 and (o.received_at, o.document_id) > ($2, $3)
  and o.received_at < (select max(c) from unnest($5::timestamptz[]) as c)
  and o.received_at < (select k.cutoff from unnest($4::text[], $5::timestamptz[]) as k (kind, cutoff) where k.kind = o.kind)
order by o.received_at, o.document_id limit $6
