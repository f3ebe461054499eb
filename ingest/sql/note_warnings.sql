-- What is odd about these documents ($2), as it is seen now ($3).
update ingest.original o set warnings = k.warnings::jsonb
from unnest($2::bytea[], $3::text[]) as k (hash, warnings)
where o.tenant_id = $1 and o.content_hash = k.hash and o.warnings is distinct from k.warnings::jsonb
