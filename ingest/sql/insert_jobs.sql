-- Appended, never merged here: a job that is merged into one which a worker claims at this
-- moment would be lost. Workers take all jobs of a key together.
insert into core.job_queue (tenant_id, kind, payload, dedup_key)
select $1, kind, payload::jsonb, dedup_key from t_job
