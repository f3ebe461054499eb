-- Lets topic $2 carry documents of tenant $1.
insert into ingest.producer (tenant_id, topic, created_by)
values ($1, $2, nullif(current_setting('app.user_id', true), '')::uuid)
on conflict do nothing
