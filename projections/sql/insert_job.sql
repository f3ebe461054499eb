-- One job; jobs are appended and never merged.
insert into core.job_queue (tenant_id, kind, payload) values ($1, $2, $3)
