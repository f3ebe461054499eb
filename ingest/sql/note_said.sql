-- What is odd about these documents ($2) as it is seen now ($3), which tool made them ($4, $5), and
-- how complete they are ($6).
update ingest.original o set warnings = k.warnings::jsonb, tool = k.tool, tool_version = k.tool_version, quality = k.quality::jsonb
from unnest($2::bytea[], $3::text[], $4::text[], $5::text[], $6::text[]) as k (hash, warnings, tool, tool_version, quality)
where o.tenant_id = $1 and o.content_hash = k.hash
  and (o.warnings, o.tool, o.tool_version, o.quality) is distinct from (k.warnings::jsonb, k.tool, k.tool_version, k.quality::jsonb)
