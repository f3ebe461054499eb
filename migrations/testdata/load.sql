-- Rows for the tests of plans, skewed as they are in life: of 21 tenants the first has 60 %
-- of everything. The shared feed has four fifths of the facts. Run as superuser.
set search_path = pg_catalog;
set synchronous_commit = off;

create temp table tenant as
select i, md5('tenant' || i)::uuid as id from generate_series(0, 20) i;
create function pg_temp.tenant(n bigint) returns uuid language sql immutable as $$
  select md5('tenant' || case when n % 10 < 6 then 0 else 1 + n / 10 % 20 end)::uuid
$$;
create function pg_temp.key(n bigint) returns text language sql immutable as $$
  select 'npm|package-' || n % 5000
$$;
create function pg_temp.vuln(n bigint) returns text language sql immutable as $$
  select 'CVE-2026-' || 10000 + n % 9000
$$;

insert into authority.tenant (tenant_id, name) select id, 'tenant-' || i from tenant;

insert into artifact.artifact (id, tenant_id, purl, name_key)
select md5('artifact' || n)::uuid, pg_temp.tenant(n), 'pkg:oci/app-' || n || '@1', 'oci//app-' || n
from generate_series(1, 2000) n;

insert into ingest.sbom_document (tenant_id, artifact_purl, content_hash, doc, document_id, artifact_id, format, document_time, meaning_hash, component_count, bom_serial, scan_run_id)
select pg_temp.tenant(n), 'pkg:oci/app-' || n || '@1', sha256(('sbom' || n || v)::bytea), jsonb_build_object('bomFormat', 'CycloneDX', 'specVersion', '1.6', 'n', n),
       md5('document' || n || v)::uuid, md5('artifact' || n)::uuid, 'cyclonedx-json', '2026-01-01'::timestamptz + v * interval '1 day', sha256(('meaning' || n || v)::bytea), 100,
       md5('serial' || n || v)::uuid::text, 1
from generate_series(1, 2000) n, generate_series(1, 5) v;

insert into artifact.stream (tenant_id, artifact_id, stream, document_id, content_hash, document_time, component_count)
select distinct on (artifact_id) tenant_id, artifact_id, '', id, content_hash, document_time, component_count
from ingest.sbom_document order by artifact_id, document_time desc;

insert into ingest.sbom_inventory (tenant_id, sbom_document_id, package_ids, unmatched)
select tenant_id, id, array(select md5('package' || p)::uuid from generate_series(1, 100) p), '[]' from ingest.sbom_document;

insert into ingest.original (tenant_id, content_hash, document_id, kind, format, size, encoding, bytes, origin, scan_run_id)
select tenant_id, content_hash, document_id, 'sbom', 'cyclonedx-json', 10, 'identity', 'x', 'a', 1 from ingest.sbom_document;

insert into ingest.document_alias (tenant_id, content_hash, document_id, artifact_id, document_time, origin, scan_run_id)
select tenant_id, sha256(content_hash), document_id, artifact_id, document_time, 'a', 1 from ingest.sbom_document where id % 4 = 0;

insert into vex.package (id, tenant_id, purl, type, name, version, ecosystem, match_key, match_version, matched_by, name_key)
select md5('package' || n)::uuid, pg_temp.tenant(n), 'pkg:npm/package-' || n % 5000 || '@1.' || n, 'npm', 'package-' || n % 5000, '1.' || n, 'npm', pg_temp.key(n), '1.' || n, 'purl', 'npm//package-' || n % 5000
from generate_series(1, 50000) n;

insert into vex.package_key (tenant_id, match_key, package_id)
select pg_temp.tenant(n), 'debian|package-' || n % 5000, md5('package' || n)::uuid from generate_series(1, 50000, 4) n;

-- Four artifacts per package, of the same tenant.
insert into ingest.sbom_component (tenant_id, artifact_id, stream, component_id, package_id)
select pg_temp.tenant(n), md5('artifact' || 1 + (n - 1 + k * 200) % 2000)::uuid, '', md5('package' || n)::uuid, md5('package' || n)::uuid
from generate_series(1, 50000) n, generate_series(0, 3) k
order by 1, 2, 4;

create temp table fact as
select n, md5('fact' || n)::uuid as id,
       case when n % 5 = 0 then pg_temp.tenant(n / 5) else '00000000-0000-0000-0000-000000000000' end as tenant_id
from generate_series(1, 20000) n;
insert into vex.vuln_fact (id, tenant_id, source, external_id, payload, schema_version, document_id, content_hash, names, modified, score, severity)
select id, tenant_id, 'osv', pg_temp.vuln(n), '{}', 1, md5('facts' || n)::uuid, sha256(('fact' || n)::bytea), array[pg_temp.vuln(n)], now(), 50, 'medium' from fact;
insert into vex.vuln_affected (tenant_id, fact_id, ordinal, match_key, ecosystem, name)
select tenant_id, id, k, pg_temp.key(n * 2 + k), 'npm', 'package-' || (n * 2 + k) % 5000 from fact, generate_series(0, 1) k;
insert into vex.vuln_alias (tenant_id, vuln_id, alias, fact_id)
select tenant_id, pg_temp.vuln(n), 'GHSA-' || n % 9000, id from fact
union all
select tenant_id, 'GHSA-' || n % 9000, pg_temp.vuln(n), id from fact;

insert into vex.package_vuln (tenant_id, package_id, vuln_id, fact_id, advisory, source, matched_by)
select pg_temp.tenant(n), md5('package' || n)::uuid, pg_temp.vuln(n + k), md5('fact' || n)::uuid, 'GHSA-' || n % 9000, 'osv', 'range'
from generate_series(1, 50000, 3) n, generate_series(0, 1) k;

insert into vex.open_findings (tenant_id, artifact_purl, package_id, vuln_id, artifact_id, package_purl, score, aliases, advisories, evidence)
select pg_temp.tenant(n), 'pkg:oci/app-' || 1 + n % 2000 || '@1', md5('package' || n)::uuid, pg_temp.vuln(n), md5('artifact' || 1 + n % 2000)::uuid, 'pkg:npm/package-' || n,
       n % 100, array['GHSA-' || n % 9000], array['GHSA-' || n % 9000], '{}'
from generate_series(1, 20000) n;
insert into vex.suppressed_findings (tenant_id, artifact_purl, package_id, vuln_id, artifact_id, package_purl, score, aliases, advisories, vex, evidence, statement_id)
select pg_temp.tenant(n), 'pkg:oci/app-' || 1 + n % 2000 || '@1', md5('package' || n)::uuid, pg_temp.vuln(n), md5('artifact' || 1 + n % 2000)::uuid, 'pkg:npm/package-' || n,
       n % 100, array['GHSA-' || n % 9000], array['GHSA-' || n % 9000], '{}', '{}', md5('statement' || n)::uuid
from generate_series(20001, 30000) n;
insert into vex.finding_history (tenant_id, artifact_purl, artifact_id, package_id, vuln_id, event, reason)
select tenant_id, artifact_purl, artifact_id, package_id, vuln_id, 'opened', 'test' from vex.open_findings;

insert into vex.vex_document (id, tenant_id, content_hash, doc, format)
select md5('vex' || n)::uuid, pg_temp.tenant(n), sha256(('vex' || n)::bytea), '{}', 'openvex' from generate_series(1, 2000) n;
insert into vex.vex_statement (id, tenant_id, document_id, ordinal, vuln_id, status, product_key, artifact_id, bom_serial, source, content_hash, outcome)
select md5('statement' || n)::uuid, pg_temp.tenant(n / 10), md5('vex' || n / 10)::uuid, n % 10, pg_temp.vuln(n), 'not_affected', 'npm//package-' || n % 5000,
       case when n % 5 = 0 then md5('artifact' || n % 2000)::uuid end, case when n % 7 = 0 then md5('serial' || n % 2000 || 1)::uuid::text else '' end, 'openvex', sha256(('vex' || n / 10)::bytea),
       (array['applied', 'applied', 'applied', 'no_such_product', 'superseded'])[1 + n % 5]
from generate_series(1, 20000) n;
insert into vex.vex_decision (tenant_id, package_id, vuln_id, status)
select pg_temp.tenant(n), md5('package' || n)::uuid, pg_temp.vuln(n), 'affected' from generate_series(1, 50000, 10) n;

insert into unknowns.unknown (tenant_id, subject_hash, kind, context, artifact_id, valid_to)
select pg_temp.tenant(n), md5('subject' || n), 'no-version', '{}', md5('artifact' || 1 + n % 2000)::uuid, case when n % 3 = 0 then now() + interval '1 day' end
from generate_series(1, 20000) n;

insert into ingest.scan_run (tenant_id, source) select pg_temp.tenant(n), 'file' from generate_series(1, 5000) n;
insert into ingest.scan_run_event (tenant_id, scan_run_id, occurred_at, event_type, payload)
select pg_temp.tenant(n / 20), n / 20, now(), 'accepted', '{}' from generate_series(1, 50000) n;
insert into ingest.parked (tenant_id, content_hash, document_id, origin, reason, bytes, scan_run_id)
select pg_temp.tenant(n), sha256(('parked' || n)::bytea), md5('parked' || n)::uuid, 'a', (array['syntax', 'unknown-format', 'too-large'])[1 + n % 3], 'x', 1
from generate_series(1, 10000) n;
insert into ingest.file_checkpoint (tenant_id, scan_run_id, path, first_entry, last_entry, complete, size)
select pg_temp.tenant(n / 10), n / 10, 'file-' || n, 0, 0, true, 1 from generate_series(1, 20000) n;

insert into core.job_queue (tenant_id, kind, payload, locked_at, lease_until, lease_token)
select pg_temp.tenant(n), (array['sbom', 'fact', 'vex'])[1 + n % 3], '{}',
       case when n % 100 = 0 then now() end, case when n % 100 = 0 then now() + interval '1 minute' end, case when n % 100 = 0 then md5('lease')::uuid end
from generate_series(1, 50000) n;
insert into authority.audit_log (tenant_id, action, entity_type, diff)
select pg_temp.tenant(n), 'vex.decide', 'vex_decision', '{}' from generate_series(1, 10000) n;

analyze;
