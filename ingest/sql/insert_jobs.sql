-- Appended, never merged here: a job that is merged into one which a worker claims at this
-- moment would be lost. Workers take all jobs of a key together.
insert into core.job_queue (tenant_id, kind, payload, dedup_key)
select $1, kind, payload::jsonb, dedup_key from unnest($2::text[], $3::text[], $4::text[]) as t (kind, payload, dedup_key)
