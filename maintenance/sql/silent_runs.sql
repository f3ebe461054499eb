-- Runs that are said to be running and of which nothing was heard since $2: neither a change nor
-- an event, as `runs list` has it. A topic may be silent for days. The time is a parameter, not
-- now(), so that older partitions do not even have to be planned.
select r.id from ingest.scan_run r
where r.tenant_id = $1 and r.state = 'running' and r.source <> 'kafka' and r.updated_at < $2
  and not exists (
    select from ingest.scan_run_event e where e.tenant_id = $1 and e.scan_run_id = r.id and e.occurred_at >= $2 offset 0)
order by r.id limit $3
