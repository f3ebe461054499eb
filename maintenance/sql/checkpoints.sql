-- Checkpoints that no run needs: of runs that are done or gone, and of those that nobody
-- has taken up for $2. A run of that age reads its files again when it is taken up after all,
-- and finds duplicates.
select count(*)
from ingest.file_checkpoint c left join ingest.scan_run r on r.tenant_id = $1 and r.id = c.scan_run_id
where c.tenant_id = $1
  and (r.id is null or r.state = 'done' or greatest(r.updated_at, c.created_at) < now() - $2::interval)
