-- Streams ($2, $3) that no document is in any more, since what was in them turned out to be about
-- another artifact: their components are among those that go (p_change), what could not be
-- matched there is on record as what was believed until now, and the stream is gone.
with gone as materialized (
  delete from artifact.stream s
  using unnest($2::uuid[], $3::text[]) as k (artifact_id, stream)
  where s.tenant_id = $1 and s.artifact_id = k.artifact_id and s.stream = k.stream
    and not exists (select from ingest.sbom_document d where d.tenant_id = $1 and d.artifact_id = k.artifact_id and d.stream = k.stream offset 0)
  returning s.artifact_id, s.stream
), unknown as (
  update unknowns.unknown u
  set sys_to = greatest(clock_timestamp(), u.sys_from), valid_to = coalesce(u.valid_to, 'infinity')
  from gone g where u.tenant_id = $1 and u.artifact_id = g.artifact_id and u.stream = g.stream and u.sys_to is null
)
insert into p_change (artifact_id, stream, component_id, package_id, added)
select g.artifact_id, g.stream, c.component_id, c.package_id, false
from gone g
cross join lateral (
  select component_id, package_id from ingest.sbom_component
  where tenant_id = $1 and artifact_id = g.artifact_id and stream = g.stream offset 0) as c
