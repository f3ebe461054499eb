package maintenance

import (
	"os"
	"testing"
	"time"
)

// TestRetentionScale: what a batch costs does not grow with what is stored. SLUICE_BIG=1 asks
// for 200,000 documents, whose figures stand in docs/operations.md; that takes minutes.
func TestRetentionScale(t *testing.T) {
	t.Parallel()
	artifacts := 200
	if os.Getenv("SLUICE_BIG") != "" {
		artifacts = 10_000
	}
	w := newWorld(t)
	const versions = 20
	w.exec(`set session_replication_role = replica`)
	w.exec(`
		with d as (
			select a, v, sha256((a || '/' || v)::text::bytea) as hash, md5('doc' || a || '/' || v)::uuid as document, md5('artifact' || a)::uuid as artifact,
			       '{"bomFormat": "CycloneDX", "x": "' || repeat(md5((a * 7 + v)::text), 60) || '"}' as body
			from generate_series(1, $2::int) a, generate_series(1, $3::int) v
		), o as (
			insert into ingest.original (tenant_id, content_hash, document_id, kind, format, size, encoding, bytes, origin, scan_run_id, received_at)
			select $1, hash, document, 'sbom', 'cyclonedx-json', 2000, 'identity', body::bytea, 'v', 1, now() - interval '500 days' + make_interval(secs => v * 100000 + a) from d
		), s as (
			insert into ingest.sbom_document (tenant_id, content_hash, document_id, artifact_purl, doc, artifact_id, stream, document_time, meaning_hash)
			select $1, hash, document, 'pkg:oci/a@' || a, body::jsonb, artifact, '', now() - interval '500 days' + make_interval(days => v), hash from d order by v, a
			returning id, artifact_id, document_time, content_hash
		), i as (
			insert into ingest.sbom_inventory (tenant_id, sbom_document_id, package_ids) select $1, id, array(select md5(g::text)::uuid from generate_series(1, 100) g) from s
		)
		insert into artifact.stream (tenant_id, artifact_id, stream, document_id, content_hash, document_time, component_count)
		select distinct on (artifact_id) $1::uuid, artifact_id, '', id, content_hash, document_time, 100 from s order by artifact_id, document_time desc`,
		w.tenant, artifacts, versions)
	w.exec(`analyze`)
	w.policy(policy)
	last := time.Now()
	var longest time.Duration
	batches := 0
	task := Retention(RetentionConfig{fault: func(at string) {
		if at == "committed" {
			batches++
			longest = max(longest, time.Since(last))
			last = time.Now()
		}
	}})
	last = time.Now()
	start := time.Now()
	dry := w.run(task, true)
	took := time.Since(start)
	last = time.Now()
	out := w.run(task, false)
	t.Logf("%d documents: dry run %s; %d deleted in %d batches in %.1f s (%.0f/s), the longest %s", artifacts*versions, took.Round(time.Millisecond),
		out.Rows, batches, out.Seconds, float64(out.Rows)/out.Seconds, longest.Round(time.Millisecond))
	if want := int64(artifacts * (versions - 1)); dry.Rows != want || out.Rows != want {
		t.Errorf("dry run %+v, run %+v; want %d", dry, out, want)
	}
	if longest > 20*time.Second {
		t.Errorf("a batch took %s", longest)
	}
	w.orphansQuick()
}

// orphansQuick is what there should be after retention of SBOMs alone, by number.
func (w *world) orphansQuick() {
	w.Helper()
	if !one[bool](w, `select (select count(*) from ingest.original) = (select count(*) from ingest.sbom_document)
		and (select count(*) from ingest.sbom_document) = (select count(*) from ingest.sbom_inventory) and (select count(*) from ingest.sbom_document) = (select count(*) from artifact.stream)`) {
		w.Error("rows are left behind")
	}
}

// TestRetentionOfManyRecords: a tenant with many records of its own.
func TestRetentionOfManyRecords(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const records, versions = 5000, 3
	w.exec(`
		with d as (
			select r, v, sha256((r || '/' || v)::text::bytea) as hash, md5('doc' || r || '/' || v)::uuid as document from generate_series(1, $2::int) r, generate_series(1, $3::int) v
		), o as (
			insert into ingest.original (tenant_id, content_hash, document_id, kind, format, size, encoding, bytes, origin, scan_run_id, received_at)
			select $1, hash, document, 'vuln', 'osv-json', 100, 'identity', '{}', 'r', 1, now() - interval '500 days' + make_interval(secs => r) from d
		), f as (
			insert into vex.vuln_fact (id, tenant_id, source, external_id, payload, schema_version, document_id, content_hash, names, modified)
			select document, $1, 'osv', 'CVE-' || r, '{}', 1, document, hash, array['CVE-' || r], now() + make_interval(days => v) from d
		)
		insert into vex.vuln_affected (tenant_id, fact_id, ordinal, match_key, ecosystem, name, is_current) select $1, document, 0, 'npm|p' || r, 'npm', 'p' || r, v = $3 from d`,
		w.tenant, records, versions)
	w.exec(`analyze`)
	w.policy(policy)
	out := w.run(Retention(RetentionConfig{}), false)
	t.Logf("%d deleted in %.1f s", out.Rows, out.Seconds)
	if out.Rows != records*(versions-1) {
		t.Errorf("%+v", out)
	}
	if left := one[string](w, `select count(*) || ' ' || (select count(*) from vex.vuln_affected where is_current) || ' ' || (select count(*) from ingest.original) from vex.vuln_fact`); left != "5000 5000 5000" {
		t.Errorf("left: %s", left)
	}
}
