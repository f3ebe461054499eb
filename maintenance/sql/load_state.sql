-- What the task has noted for its next run.
select state from core.maintenance where task = $1
