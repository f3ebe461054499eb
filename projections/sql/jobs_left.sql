-- Jobs of tenant $1 (null is any) and of the shared feed that are still to be done, for who waits for them: not those
-- that were given up, nor marks, nor ends of decisions before their date.
select count(*) from core.job_queue
where tenant_id is not null and ($1::uuid is null or tenant_id = any (array[$1::uuid, '00000000-0000-0000-0000-000000000000'::uuid]))
  and run_after < 'infinity' and not (kind = 'expiry' and run_after > now())
