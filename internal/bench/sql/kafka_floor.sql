-- What a bare COPY of the topics fills: no index, no row security.
drop schema if exists sluice_bench cascade;
create schema sluice_bench;
create table sluice_bench.events (tenant_id uuid, scan_run_id bigint, occurred_at timestamptz, event_type text, payload jsonb);
create table sluice_bench.sbom (id text, doc jsonb);
create table sluice_bench.vuln (id text, doc jsonb)
