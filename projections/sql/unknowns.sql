-- Unknowns of the changed streams, by difference: what is no longer listed, or is matched
-- now, is closed at the time of the document that says so; what is new is opened.
with want as (
  select encode(sha256(convert_to(w.artifact_id || '|' || w.stream || '|' || w.component_id, 'UTF8')), 'hex') as subject_hash,
         w.artifact_id, w.stream, p.unmatched_reason as kind,
         jsonb_build_object('artifact', a.purl, 'stream', w.stream, 'name', p.name, 'version', p.version, 'purl', p.purl) as context,
         s.document_time
  from p_want w
  join p_stream s on s.artifact_id = w.artifact_id and s.stream = w.stream
  join vex.package p on p.tenant_id = $1 and p.id = w.package_id and p.unmatched_reason <> ''
  join artifact.artifact a on a.tenant_id = $1 and a.id = w.artifact_id
  union all
  select encode(sha256(convert_to(s.artifact_id || '|' || s.stream || '|' || (u ->> 'id'), 'UTF8')), 'hex'),
         s.artifact_id, s.stream, u ->> 'reason',
         jsonb_build_object('artifact', a.purl, 'stream', s.stream) || (u - 'id' - 'reason' - 'pointer'),
         s.document_time
  from p_stream s
  join ingest.sbom_inventory i on i.tenant_id = $1 and i.sbom_document_id = s.document_id
  cross join lateral jsonb_array_elements(i.unmatched) as u
  join artifact.artifact a on a.tenant_id = $1 and a.id = s.artifact_id
), closed as (
  update unknowns.unknown k set valid_to = greatest(coalesce(s.document_time, now()), k.valid_from)
  from p_stream s
  where k.tenant_id = $1 and k.valid_to is null and k.artifact_id = s.artifact_id and k.stream = s.stream
    and not exists (select from want w where w.subject_hash = k.subject_hash and w.kind = k.kind)
)
insert into unknowns.unknown (tenant_id, subject_hash, kind, context, valid_from, artifact_id, stream)
select $1, subject_hash, kind, context, coalesce(document_time, now()), artifact_id, stream
from want order by subject_hash, kind
on conflict (tenant_id, subject_hash, kind) where valid_to is null do nothing
