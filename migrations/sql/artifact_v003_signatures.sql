-- Migration: artifact_v003_signatures
-- Dependencies: artifact_v002, access_v001
--
-- The envelopes that documents were signed in, and what became of checking them. The table was empty
-- until now: the columns cost no rewrite, and the lock is held for a moment.
begin;

alter table artifact.signature
  add column if not exists outcome text not null default 'unchecked' check (outcome in ('unchecked', 'unsigned', 'verified', 'unknown-key', 'bad')),
  add column if not exists why text not null default '',
  add column if not exists payload_type text not null default '',
  add column if not exists predicate_type text not null default '',
  add column if not exists subjects jsonb not null default '[]',
  add column if not exists origin text not null default '',
  add column if not exists envelope bytea not null default '',
  add column if not exists encoding text not null default 'identity' check (encoding in ('identity', 'zstd')),
  add column if not exists size bigint not null default 0;
alter table artifact.signature alter column envelope set storage external;
comment on table artifact.signature is 'Envelopes that documents came in (DSSE, in-toto, Sigstore), and signatures beside them (OpenPGP).';
comment on column artifact.signature.id is 'UUIDv8 of SHA-256 of tenant, document and envelope, which every writer gives.';
comment on column artifact.signature.content_hash is 'Of the document: ingest.original, document_alias or parked has it.';
comment on column artifact.signature.key_id is 'Of the key that verified it; else what the signer calls his own.';
comment on column artifact.signature.signature is 'The first signature of the envelope; empty where it has none.';
comment on column artifact.signature.verified_at is 'When it was verified first; null where it was not.';
comment on column artifact.signature.subjects is 'What an in-toto statement is about: [{"name", "digest": {"sha256"}}].';
comment on column artifact.signature.envelope is 'All of it as received, in encoding; size bytes.';
create index if not exists ix_signature_outcome on artifact.signature (tenant_id, outcome, content_hash);

do $$
begin
  if access.role('sluice_views') <> 'sluice_views' then
    return; -- one user owns everything: there is nobody to grant to
  end if;
  grant insert, delete on artifact.signature to sluice_ingest;
  grant update (outcome, why, key_id, verified_at, updated_at) on artifact.signature to sluice_ingest;
  grant delete on artifact.signature to sluice_maintainer;
  grant select (tenant_id, content_hash) on artifact.signature to sluice_maintainer;
end $$;

insert into core.schema_version (module, version, migration_hash)
values ('artifact', 3, '<hash>')
on conflict (module) do update
  set version = excluded.version, applied_at = now(), migration_hash = excluded.migration_hash;
commit;
