-- Unknowns of the changed streams: what is no longer listed is closed at the time of the document
-- that does not list it, what is new and cannot be matched is opened.
with changed as materialized (
  select encode(sha256(convert_to(c.artifact_id || '|' || c.stream || '|' || c.component_id, 'UTF8')), 'hex') as subject_hash,
         c.artifact_id, c.stream, p.unmatched_reason as kind, c.added,
         jsonb_build_object('name', p.name, 'version', p.version, 'purl', p.purl) as context
  from p_change c join vex.package p on p.tenant_id = $1 and p.id = c.package_id
  where p.unmatched_reason <> ''
  union all
  select encode(sha256(convert_to(c.artifact_id || '|' || c.stream || '|' || c.component_id, 'UTF8')), 'hex'), c.artifact_id, c.stream, null, c.added, null
  from p_change c where c.package_id is null
), unmatched as materialized (
  select encode(sha256(convert_to(s.artifact_id || '|' || s.stream || '|' || (u ->> 'id'), 'UTF8')), 'hex') as subject_hash,
         u ->> 'reason' as kind, u - 'id' - 'reason' - 'pointer' as context
  from p_stream s
  cross join lateral (select unmatched from ingest.sbom_inventory where tenant_id = $1 and sbom_document_id = s.document_id offset 0) as i
  cross join lateral jsonb_array_elements(i.unmatched) as u
), closed as (
  update unknowns.unknown k
  set valid_to = greatest(coalesce((select s.document_time from p_stream s where s.artifact_id = k.artifact_id and s.stream = k.stream), now()), k.valid_from)
  where k.tenant_id = $1 and k.ctid = any (array(
    select o.at from changed c
    cross join lateral (select ctid as at from unknowns.unknown where tenant_id = $1 and subject_hash = c.subject_hash and valid_to is null offset 0) as o
    where not c.added))
)
insert into unknowns.unknown (tenant_id, subject_hash, kind, context, valid_from, artifact_id, stream)
select $1, c.subject_hash, coalesce(c.kind, u.kind), jsonb_build_object('artifact', a.purl, 'stream', c.stream) || coalesce(c.context, u.context),
       coalesce(s.document_time, now()), c.artifact_id, c.stream
from changed c
left join unmatched u on u.subject_hash = c.subject_hash
join p_stream s on s.artifact_id = c.artifact_id and s.stream = c.stream
join artifact.artifact a on a.tenant_id = $1 and a.id = c.artifact_id
where c.added
order by c.subject_hash
on conflict (tenant_id, subject_hash, kind) where valid_to is null do nothing
