-- Notes that the views are stale: a row without a tenant, since appending never makes two transactions wait for
-- each other, as one flag would.
insert into core.job_queue (tenant_id, kind, payload) values (null, 'views', '{}')
