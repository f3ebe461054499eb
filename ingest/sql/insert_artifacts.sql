-- No conflict target: two imports of the same new artifact may meet at either unique index.
insert into artifact.artifact (tenant_id, id, purl, name_key)
select distinct on (id) $1::uuid, id, purl, name_key from t_artifact order by id
on conflict do nothing
