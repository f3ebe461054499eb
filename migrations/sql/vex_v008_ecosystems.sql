-- Migration: vex_v008_ecosystems
-- Dependencies: vex_v001
-- Transaction: none
--
-- Which ecosystems records speak of, and which ones the packages of a tenant are of: asked with every list of
-- findings, so that it can say of which components nobody knows anything. One value after the other is looked
-- up, whatever the number of rows. Built beside imports, a table scan each; stops nobody.

create index concurrently if not exists ix_vuln_affected_ecosystem on vex.vuln_affected (tenant_id, ecosystem collate "C") where is_current;
create index concurrently if not exists ix_package_ecosystem on vex.package (tenant_id, ecosystem collate "C") where match_key <> '';

begin;
insert into core.schema_version (module, version, migration_hash)
values ('vex', 8, '<hash>')
on conflict (module) do update
  set version = excluded.version, applied_at = now(), migration_hash = excluded.migration_hash;
commit;
