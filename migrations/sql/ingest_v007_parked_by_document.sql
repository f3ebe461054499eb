-- Migration: ingest_v007_parked_by_document
-- Dependencies: ingest_v001, access_v001
-- Transaction: none
--
-- What is parked is told apart by document_id, which follows from tenant and content hash as before and,
-- for the operator, from the tenant that the message names too: two messages with the same bytes for
-- two tenants that there are not (yet) are two rows. The indexes are built beside imports; taking the old
-- one away locks the table for a moment.

create unique index concurrently if not exists ux_parked_document on ingest.parked (tenant_id, document_id);
create index concurrently if not exists ix_parked_hash on ingest.parked (tenant_id, content_hash);

begin;
drop index if exists ingest.ux_parked_hash;

-- The operator's rows get the id that the same message would have now: id.Derive, a UUIDv8 of the SHA-256.
-- The owner is no tenant: they are seen without the policies.
alter table ingest.parked no force row level security;
update ingest.parked p set document_id = encode(set_byte(set_byte(d.sum, 6, get_byte(d.sum, 6) & 15 | 128), 8, get_byte(d.sum, 8) & 63 | 128), 'hex')::uuid
from (
  select id, substr(sha256(uuid_send(tenant_id) || int4send(8) || 'document'::bytea || int4send(octet_length(content_hash)) || content_hash
    || int4send(octet_length(hints ->> 'tenant')) || convert_to(hints ->> 'tenant', 'UTF8')), 1, 16) as sum
  from ingest.parked where tenant_id = 'ffffffff-ffff-ffff-ffff-ffffffffffff' and hints ->> 'tenant' <> ''
) d
where p.tenant_id = 'ffffffff-ffff-ffff-ffff-ffffffffffff' and p.id = d.id;
alter table ingest.parked force row level security;

insert into core.schema_version (module, version, migration_hash)
values ('ingest', 7, '<hash>')
on conflict (module) do update
  set version = excluded.version, applied_at = now(), migration_hash = excluded.migration_hash;
commit;
