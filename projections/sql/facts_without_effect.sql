-- Those of the facts $2 of tenant $1 and of the shared feed that say nothing any more: withdrawn, or with a newer version of
-- their record beside them. The projection marks them as not current; who only reads may be sooner than it.
select f.id
from unnest($2::uuid[]) as k (id)
cross join lateral (
  select * from vex.vuln_fact where tenant_id = any (array[$1::uuid, '00000000-0000-0000-0000-000000000000'::uuid]) and id = k.id
  offset 0) as f
where f.withdrawn is not null or exists (
  select from vex.vuln_fact n
  where n.tenant_id = f.tenant_id and n.external_id = f.external_id and n.source = f.source
    and (coalesce(n.modified, '-infinity'), n.content_hash) > (coalesce(f.modified, '-infinity'), f.content_hash)
  offset 0)
