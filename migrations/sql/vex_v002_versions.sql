-- Migration: vex_v002_versions
-- Dependencies: core_v001, ingest_v002, vex_v001
--
-- Documents have versions, and a newer one speaks in place of the older. Statements inside an
-- SBOM count while that SBOM is current. What cannot be read is about nothing.
--
-- The backfill reads each VEX document once, some thousands per second, and asks for its
-- statements to be made again from its original (jobs of kind reread): the previous release left out
-- statements that repeat a status, and let what it could not read stand for the whole product.
begin;

alter table vex.vex_document add column if not exists series text not null default '';
alter table vex.vex_document add column if not exists version text not null default '';
alter table vex.vex_document add column if not exists version_rank text collate "C" not null default '1';
alter table vex.vex_document add column if not exists status text not null default '' check (status in ('', 'draft', 'interim', 'final'));
comment on column vex.vex_document.series is 'FORMAT:ID, what all versions of the document share; '''' where it has none: then it is the only version of itself.';
comment on column vex.vex_document.version_rank is 'Orders the versions of a series by its bytes. Drafts come before all others.';
create index if not exists ix_vex_document_series on vex.vex_document (tenant_id, series) where series <> '';

alter table vex.vex_statement add column if not exists embedded boolean not null default false;
alter table vex.vex_statement add column if not exists own_time boolean not null default true;
alter table vex.vex_statement add column if not exists unreadable text not null default '';
alter table vex.vex_statement add column if not exists product_range text not null default '';
comment on column vex.vex_statement.embedded is 'It stands inside an SBOM, and counts while that is the current one of its stream.';
comment on column vex.vex_statement.own_time is 'False where statement_time is that of its document; of an SBOM the time when it was said last, which the projector keeps.';
comment on column vex.vex_statement.product_range is 'VERS range of the product''s versions where version_range is that of a package in it.';
comment on column vex.vex_statement.unreadable is 'Why what it names cannot be told: it is about nothing. '''' where it can.';
alter table vex.vex_statement drop constraint if exists vex_statement_outcome_check;
alter table vex.vex_statement add constraint vex_statement_outcome_check
  check (outcome in ('pending', 'applied', 'superseded', 'no_such_product', 'no_such_vulnerability', 'unreadable_product', 'ended'));

-- normalize.VersionRank of what the previous release stored; dropped below.
create or replace function vex.version_rank(version text) returns text
language plpgsql immutable as $$
declare
  s text := btrim(version, E' \t\n\r');
  part text;
  digits text;
  rank text := '';
  pre text;
  kept int := 0; -- of rank: zeros at the end do not count
begin
  if s is null or octet_length(s) > 200 then
    return '';
  end if;
  if s ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})?)?$' and s >= '1970' and s < '2262' then
    begin
      digits := ltrim((extract(epoch from (case when s ~ '(Z|[+-][0-9]{2}:[0-9]{2})$' and s ~ ':' then s else s || case when s ~ ':' then 'Z' else ' 00:00:00Z' end end)::timestamptz) * 1000000000)::numeric(40, 0)::text, '0');
      return chr(33 + greatest(length(digits), 1)) || case digits when '' then '0' else digits end || '!';
    exception when others then
      null; -- no time after all
    end;
  end if;
  s := regexp_replace(s, '^[vV]', '');
  s := split_part(s, '+', 1);
  pre := case when position('-' in s) > 0 then substr(s, position('-' in s) + 1) end;
  foreach part in array regexp_split_to_array(split_part(s, '-', 1), '\.') loop
    if part !~ '^[0-9]+$' then
      return '';
    end if;
    digits := ltrim(part, '0');
    if length(digits) > 93 then
      return '';
    end if;
    rank := rank || chr(33 + greatest(length(digits), 1)) || case digits when '' then '0' else digits end;
    if digits <> '' then
      kept := length(rank);
    end if;
  end loop;
  rank := left(rank, kept);
  if pre is null then
    return rank || '!';
  end if;
  rank := rank || ' ';
  foreach part in array regexp_split_to_array(pre, '\.') loop
    if part ~ '^[0-9]+$' and length(ltrim(part, '0')) <= 93 then
      digits := ltrim(part, '0');
      rank := rank || '!' || chr(33 + greatest(length(digits), 1)) || case digits when '' then '0' else digits end;
    elsif part ~ '^[0-9A-Za-z-]+$' then
      rank := rank || '"' || part || ' ';
    else
      return '';
    end if;
  end loop;
  return rank || ' ';
end $$;

-- The owner is no tenant: what a script brings up to date is seen without the policies, until the end.
alter table vex.vex_document no force row level security;
alter table vex.vex_statement no force row level security;
alter table ingest.sbom_document no force row level security;
alter table core.job_queue no force row level security;

with said as materialized (
  select tenant_id, id, format, doc,
    case
      when format like 'cyclonedx%' then regexp_replace(lower(btrim(coalesce(doc ->> 'serialNumber', ''))), '^urn:uuid:', '')
      when format = 'openvex' then btrim(coalesce(doc ->> '@id', ''))
      when format = 'csaf' and btrim(coalesce(doc #>> '{document,tracking,id}', '')) <> '' then
        coalesce(nullif(lower(rtrim(btrim(coalesce(doc #>> '{document,publisher,namespace}', '')), '/')), ''), nullif(btrim(coalesce(doc #>> '{document,publisher,name}', '')), ''))
          || ' ' || btrim(doc #>> '{document,tracking,id}')
    end as series,
    case
      when format like 'cyclonedx%' then coalesce(nullif(btrim(doc ->> 'version'), ''), '1')
      when format = 'openvex' then btrim(coalesce(doc ->> 'version', ''))
      when format = 'csaf' then btrim(coalesce(doc #>> '{document,tracking,version}', ''))
      else ''
    end as version,
    case when format = 'csaf' then lower(btrim(coalesce(doc #>> '{document,tracking,status}', ''))) else '' end as status
  from vex.vex_document
)
update vex.vex_document d set
  series = case
    when s.series is null or octet_length(s.series) > 500 then ''
    when s.format like 'cyclonedx%' and (s.series !~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' or s.series ~ '^[0-]*$') then ''
    when s.series = '' then ''
    else split_part(s.format, '-', 1) || ':' || s.series
  end,
  version = left(s.version, 200),
  version_rank = case s.status when 'draft' then '0' else '1' end || vex.version_rank(s.version),
  status = case when s.status in ('draft', 'interim', 'final') then s.status else '' end
from said s where (s.tenant_id, s.id) = (d.tenant_id, d.id);
drop function vex.version_rank(text);

update vex.vex_statement s set
  embedded = true,
  own_time = d.doc #> (string_to_array(substr(s.pointer, 2), '/') || '{analysis,lastUpdated}'::text[]) is not null
          or d.doc #> (string_to_array(substr(s.pointer, 2), '/') || '{analysis,firstIssued}'::text[]) is not null
from ingest.sbom_document d
where d.tenant_id = s.tenant_id and d.content_hash = s.content_hash;

insert into core.job_queue (tenant_id, kind, payload, dedup_key)
select tenant_id, 'reread', jsonb_build_object('document', document_id), document_id
from (
  select tenant_id, id as document_id from vex.vex_document
  union
  select tenant_id, document_id from vex.vex_statement
) as d
order by tenant_id, document_id;

alter table vex.vex_document force row level security;
alter table vex.vex_statement force row level security;
alter table ingest.sbom_document force row level security;
alter table core.job_queue force row level security;

do $$
begin
  if access.role('sluice_maintainer') = 'sluice_maintainer' then
    -- The projector makes statements again, from the original of their document.
    grant insert, delete on vex.vex_statement to sluice_projector;
    grant update (statement_time) on vex.vex_statement to sluice_projector;
    grant select (series, version_rank, document_time, content_hash) on vex.vex_document to sluice_maintainer;
  end if;
end $$;

insert into core.schema_version (module, version, migration_hash)
values ('vex', 2, '<hash>')
on conflict (module) do update
  set version = excluded.version, applied_at = now(), migration_hash = excluded.migration_hash;
commit;
