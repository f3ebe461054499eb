package projections

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/id"
	"sluice/routing/flags"
)

// imported is what becomes of a document in the database, but for ids.
type imported struct{ Artifacts, Components, Packages, Findings, Suppressed, Unknowns, Outcomes []string }

func (w *world) imported(t testing.TB, tenant id.ID) imported {
	t.Helper()
	list := func(sql string) []string { return query[string](t, w, sql, tenant) }
	finding := `select concat_ws(' ', artifact_purl, package_purl, vuln_id, severity, score, fixed_versions, aliases, advisories, evidence -> 'facts' -> 0 ->> 'matched_by', evidence ->> 'identified_by', vex ->> 'status') from `
	return imported{
		Artifacts: list(`select concat_ws(' ', purl, state) from artifact.artifact where tenant_id = $1 order by 1`),
		Components: list(`select concat_ws(' ', a.purl, c.stream, coalesce(p.purl, 'no package')) from ingest.sbom_component c
			join artifact.artifact a on a.tenant_id = c.tenant_id and a.id = c.artifact_id left join vex.package p on p.tenant_id = c.tenant_id and p.id = c.package_id
			where c.tenant_id = $1 order by 1`),
		Packages: list(`select concat_ws(' ', purl, ecosystem, match_key, match_version, matched_by, unmatched_reason,
			(select array_agg(match_key order by match_key) from vex.package_key k where k.tenant_id = p.tenant_id and k.package_id = p.id)) from vex.package p where tenant_id = $1 order by 1`),
		Findings:   list(finding + `vex.open_findings where tenant_id = $1 order by 1`),
		Suppressed: list(finding + `vex.suppressed_findings where tenant_id = $1 order by 1`),
		Unknowns:   list(`select concat_ws(' ', kind, context - 'artifact', valid_from) from unknowns.unknown where tenant_id = $1 and sys_to is null order by 1`),
		Outcomes:   list(`select concat_ws(' ', vuln_id, status, justification, outcome) from vex.vex_statement where tenant_id = $1 order by 1`),
	}
}

// TestNotationsAreOne: one BOM in each notation of its standard, imported alone, gives the same components,
// packages, findings, suppressed findings and unknowns; so do an SPDX 3 and an SPDX 2.3 document of one build.
func TestNotationsAreOne(t *testing.T) {
	t.Parallel()
	w, worker, set := flagged(t)
	set(id.Shared, flags.CPE, `{}`) // so that CPEs have to be the same as well
	for _, record := range []string{
		npmRecord("GHSA-spou-spou-spou", "2026-01-01T00:00:00Z", "@teapot/spout", "2.0.0", `,"aliases":["CVE-2026-1000"]`),
		`{"id":"RHSA-2026:1","modified":"2026-01-01T00:00:00Z","upstream":["CVE-2026-1001","CVE-2026-1002"],"affected":[{"package":{"ecosystem":"Red Hat:enterprise_linux:9::baseos","name":"libssl3"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"0:3.0.7-28.el9"}]}]}]}`,
		npmRecord("GHSA-kett-kett-kett", "2026-01-01T00:00:00Z", "kettle", "1.11.0", ""),
		npmRecord("GHSA-shop-shop-shop", "2026-01-01T00:00:00Z", "shop", "5.0.0", ""),
		nvdOf("CVE-2026-2000", `{"vulnerable":true,"criteria":"cpe:2.3:a:openssl:openssl:*:*:*:*:*:*:*:*","versionEndExcluding":"3.0.8"}`),
		nvdOf("CVE-2026-2001", `{"vulnerable":true,"criteria":"cpe:2.3:a:example:shop:*:*:*:*:*:*:*:*"}`),
	} {
		w.load(t, enveloped(id.Shared, record))
	}
	for standard, files := range map[string][]string{
		"CycloneDX": {"json", "xml", "textproto", "cdx"}, "SPDX": {"json", "yaml", "spdx", "rdf", "xml", "xlsx", "SPDX 3"},
	} {
		tenants := make([]id.ID, len(files))
		for i, file := range files {
			name := filepath.Join("..", "normalize", "spdx", "testdata", "same", "shop."+file)
			if standard == "CycloneDX" {
				name = filepath.Join("..", "normalize", "cyclonedx", "testdata", "notations", "bom."+file)
			}
			if file == "SPDX 3" {
				name = filepath.Join("..", "normalize", "spdx", "testdata", "same3", "shop.json")
			}
			src, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			tenants[i] = w.db.Tenant(t, fmt.Sprint(strings.ToLower(standard), i))
			w.load(t, enveloped(tenants[i], string(src)))
		}
		if err := worker.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := w.imported(t, tenants[0])
		t.Logf("%s: %+v", standard, want)
		if len(want.Findings) < 2 || len(want.Components) < 2 || len(want.Findings)+len(want.Suppressed) < 3 {
			t.Errorf("%s: too little to compare: %+v", standard, want)
		}
		for i, file := range files[1:] {
			if d := cmp.Diff(want, w.imported(t, tenants[i+1])); d != "" {
				t.Errorf("%s (-json +%s)\n%s", standard, file, d)
			}
		}
	}
	w.noneParked(t)
}
