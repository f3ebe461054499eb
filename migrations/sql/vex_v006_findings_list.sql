-- Migration: vex_v006_findings_list
-- Dependencies: vex_v001, vex_v003
-- Transaction: none
--
-- The orders in which findings are listed a page at a time. Built beside imports, a table scan
-- each; stops nobody.

create index concurrently if not exists ix_open_findings_grade on vex.open_findings
  (tenant_id,
   (case severity when 'critical' then 5 when 'high' then 4 when 'medium' then 3 when 'low' then 2 when 'none' then 1
      else case when score >= 90 then 5 when score >= 70 then 4 when score >= 40 then 3 when score >= 1 then 2 when score is not null then 1 else 0 end end),
   coalesce(score, (-1)::smallint), vuln_id);
create index concurrently if not exists ix_open_findings_points on vex.open_findings (tenant_id, coalesce(score, (-1)::smallint), vuln_id);
create index concurrently if not exists ix_open_findings_seen on vex.open_findings
  (tenant_id, first_seen,
   (case severity when 'critical' then 5 when 'high' then 4 when 'medium' then 3 when 'low' then 2 when 'none' then 1
      else case when score >= 90 then 5 when score >= 70 then 4 when score >= 40 then 3 when score >= 1 then 2 when score is not null then 1 else 0 end end),
   coalesce(score, (-1)::smallint), vuln_id);
create index concurrently if not exists ix_open_findings_purl on vex.open_findings (tenant_id, package_purl collate "C", vuln_id);
create index concurrently if not exists ix_open_findings_vex on vex.open_findings (tenant_id, vuln_id) where vex is not null;
drop index concurrently if exists vex.ix_open_findings_score;
create index concurrently if not exists ix_suppressed_findings_grade on vex.suppressed_findings
  (tenant_id,
   (case severity when 'critical' then 5 when 'high' then 4 when 'medium' then 3 when 'low' then 2 when 'none' then 1
      else case when score >= 90 then 5 when score >= 70 then 4 when score >= 40 then 3 when score >= 1 then 2 when score is not null then 1 else 0 end end),
   coalesce(score, (-1)::smallint), vuln_id);
create index concurrently if not exists ix_suppressed_findings_points on vex.suppressed_findings (tenant_id, coalesce(score, (-1)::smallint), vuln_id);
create index concurrently if not exists ix_suppressed_findings_seen on vex.suppressed_findings
  (tenant_id, first_seen,
   (case severity when 'critical' then 5 when 'high' then 4 when 'medium' then 3 when 'low' then 2 when 'none' then 1
      else case when score >= 90 then 5 when score >= 70 then 4 when score >= 40 then 3 when score >= 1 then 2 when score is not null then 1 else 0 end end),
   coalesce(score, (-1)::smallint), vuln_id);
create index concurrently if not exists ix_suppressed_findings_purl on vex.suppressed_findings (tenant_id, package_purl collate "C", vuln_id);
create index concurrently if not exists ix_epss_score on vex.epss (tenant_id, score, vuln_id);

begin;
insert into core.schema_version (module, version, migration_hash)
values ('vex', 6, '<hash>')
on conflict (module) do update
  set version = excluded.version, applied_at = now(), migration_hash = excluded.migration_hash;
commit;
