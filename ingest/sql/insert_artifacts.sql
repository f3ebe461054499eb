-- No conflict target: two imports of the same new artifact may meet at either unique index.
insert into artifact.artifact (tenant_id, id, purl, name_key)
select distinct on (id) $1::uuid, id, purl, name_key
from unnest($2::uuid[], $3::text[], $4::text[]) as t (id, purl, name_key)
order by id
on conflict do nothing
