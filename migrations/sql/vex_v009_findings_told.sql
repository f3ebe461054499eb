-- Migration: vex_v009_findings_told
-- Dependencies: vex_v006
-- Transaction: none
--
-- The orders of findings tell severity and fix too: a page of what few rows of an order meet is read from
-- its index, without a look at the rows between. Built beside imports, a table scan each; stops nobody.

create index concurrently if not exists ix_open_findings_worst on vex.open_findings
  (tenant_id,
   (case severity when 'critical' then 5 when 'high' then 4 when 'medium' then 3 when 'low' then 2 when 'none' then 1
      else case when score >= 90 then 5 when score >= 70 then 4 when score >= 40 then 3 when score >= 1 then 2 when score is not null then 1 else 0 end end),
   coalesce(score, (-1)::smallint), vuln_id, (fixed_versions <> '{}'::text[]));
create index concurrently if not exists ix_open_findings_scored on vex.open_findings
  (tenant_id, coalesce(score, (-1)::smallint), vuln_id, (fixed_versions <> '{}'::text[]));
create index concurrently if not exists ix_open_findings_named on vex.open_findings
  (tenant_id, package_purl collate "C", vuln_id,
   (case severity when 'critical' then 5 when 'high' then 4 when 'medium' then 3 when 'low' then 2 when 'none' then 1
      else case when score >= 90 then 5 when score >= 70 then 4 when score >= 40 then 3 when score >= 1 then 2 when score is not null then 1 else 0 end end),
   coalesce(score, (-1)::smallint), (fixed_versions <> '{}'::text[]));
drop index concurrently if exists vex.ix_open_findings_grade;
drop index concurrently if exists vex.ix_open_findings_points;
drop index concurrently if exists vex.ix_open_findings_purl;

begin;
insert into core.schema_version (module, version, migration_hash)
values ('vex', 9, '<hash>')
on conflict (module) do update
  set version = excluded.version, applied_at = now(), migration_hash = excluded.migration_hash;
commit;
