-- Up to $3 of the rows of checkpoints.
delete from ingest.file_checkpoint
where tenant_id = $1 and ctid = any (array(
  select c.ctid
  from ingest.file_checkpoint c left join ingest.scan_run r on r.tenant_id = $1 and r.id = c.scan_run_id
  where c.tenant_id = $1
    and (r.id is null or r.state = 'done' or greatest(r.updated_at, c.created_at) < now() - $2::interval)
  limit $3))
