-- The statements of every document are looked at again.
insert into core.job_queue (tenant_id, kind, payload, dedup_key)
select $1, 'vex', jsonb_build_object('document', document_id), 'rebuild'
from (select distinct document_id from vex.vex_statement where tenant_id = $1) as d order by document_id
