-- Migration: authority_v004_audit_entity
-- Dependencies: authority_v001
--
-- The history of a thing is found by its id, and not by reading a tenant's whole audit log. The index is
-- made while nothing is added to the log: a second per million entries.
begin;

create index if not exists ix_audit_log_entity on authority.audit_log (tenant_id, entity_id) where entity_id is not null;

insert into core.schema_version (module, version, migration_hash)
values ('authority', 4, '<hash>')
on conflict (module) do update
  set version = excluded.version, applied_at = now(), migration_hash = excluded.migration_hash;
commit;
