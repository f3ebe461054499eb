-- Migration: ingest_v009_tools
-- Dependencies: ingest_v001, ingest_v005, access_v001
--
-- Which tool made a document, and how complete an SBOM is, so that warnings and quality can be
-- counted by tool. Adds three columns without rewriting the table: their locks are held for
-- milliseconds. Stored SBOMs get theirs from their originals, by a job each (kind reread): some
-- thousand are written per second, and the projections that follow read some hundred documents per
-- second on one core while imports and queries go on.
begin;

alter table ingest.original add column if not exists tool text not null default '';
alter table ingest.original add column if not exists tool_version text not null default '';
alter table ingest.original add column if not exists quality jsonb;
comment on column ingest.original.tool is 'The tool that made the document, as it names itself.';
comment on column ingest.original.quality is 'Of an SBOM: how many of its components have each of the minimum elements; see docs/quality.md.';

-- One row for each warning that is kept. count says how often its code was met from here on: more
-- than once in the last one of a code of which not all are kept.
create or replace view ingest.document_warning with (security_invoker = true) as
select o.tenant_id, o.document_id, o.content_hash, o.kind, o.format, o.format_version, o.tool, o.tool_version, o.received_at,
  w.ordinal::int as ordinal, w.value ->> 'code' as code, coalesce(w.value ->> 'pointer', '') as pointer, w.value ->> 'message' as message,
  coalesce((w.value ->> 'line')::int, 0) as line, 1 + coalesce((w.value ->> 'more')::bigint, 0) as count
from ingest.original o
cross join lateral jsonb_array_elements(case jsonb_typeof(o.warnings) when 'array' then o.warnings else '[]' end) with ordinality as w (value, ordinal);
comment on view ingest.document_warning is 'What was odd about stored documents, a row for each warning that is kept.';

do $$
begin
  if access.role('sluice_views') <> 'sluice_views' then
    return; -- one user owns everything: there is nobody to grant to
  end if;
  grant update (tool, tool_version, quality) on ingest.original to sluice_projector;
  grant select on ingest.document_warning to sluice_reader;
end $$;

-- The owner is no tenant: what a script asks for is seen without the policies, until the end.
alter table ingest.original no force row level security;
alter table core.job_queue no force row level security;
insert into core.job_queue (tenant_id, kind, payload, dedup_key)
select o.tenant_id, 'reread', jsonb_build_object('document', o.document_id), o.document_id
from ingest.original o
where o.kind = 'sbom' and not exists (
  select from core.job_queue j where j.tenant_id = o.tenant_id and j.kind = 'reread' and j.dedup_key = o.document_id::text)
order by o.tenant_id, o.content_hash;
alter table ingest.original force row level security;
alter table core.job_queue force row level security;

insert into core.schema_version (module, version, migration_hash)
values ('ingest', 9, '<hash>')
on conflict (module) do update
  set version = excluded.version, applied_at = now(), migration_hash = excluded.migration_hash;
commit;
