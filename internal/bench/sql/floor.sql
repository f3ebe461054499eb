-- The specification's table, its columns and indexes as written (section 4), no row security, nothing
-- else: what a bare COPY fills.
drop schema if exists sluice_bench cascade;
create schema sluice_bench;
create table sluice_bench.sbom_document (
  id bigserial primary key,
  tenant_id uuid not null,
  artifact_purl text not null,
  content_hash bytea not null,
  doc jsonb not null,
  created_at timestamptz not null default now(),
  bom_format text generated always as ((doc->>'bomFormat')) stored,
  spec_version text generated always as ((doc->>'specVersion')) stored
);
create unique index ux_sbom_doc_hash on sluice_bench.sbom_document(tenant_id, content_hash);
create index ix_sbom_doc_tenant_artifact on sluice_bench.sbom_document(tenant_id, artifact_purl, created_at desc);
create index ix_sbom_doc_json_gin on sluice_bench.sbom_document using gin (doc jsonb_path_ops);
create index ix_sbom_doc_bomformat on sluice_bench.sbom_document(tenant_id, bom_format);
