-- The run of this source and day, where somebody has opened it: the first, should there be two. Older ones
-- are not looked through.
select id from ingest.scan_run where tenant_id = $1 and source = $2 and arguments = $3
and created_at > now() - interval '3 days' order by id limit 1
