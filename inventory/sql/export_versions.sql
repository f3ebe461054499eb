-- The versions of the document $2 that went out, the oldest first.
select version, content_hash, created_at from vex.export_version where tenant_id = $1 and series = $2 order by version
