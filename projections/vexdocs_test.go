package projections

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sluice/ingest"
	"sluice/internal/id"
)

// corpora finds the folder of recorded documents, or skips the test.
func corpora(t testing.TB, parts ...string) string {
	t.Helper()
	root := os.Getenv("SLUICE_CORPORA")
	if root == "" {
		for dir, _ := os.Getwd(); ; dir = filepath.Dir(dir) {
			for _, at := range []string{"corpora", "shared/corpora"} {
				if info, err := os.Stat(filepath.Join(dir, at)); err == nil && info.IsDir() {
					root = filepath.Join(dir, at)
				}
			}
			if root != "" || dir == filepath.Dir(dir) {
				break
			}
		}
	}
	path := filepath.Join(append([]string{root}, parts...)...)
	if _, err := os.Stat(path); root == "" || err != nil {
		t.Skipf("the recorded documents are not here (%s): set SLUICE_CORPORA to their folder", path)
	}
	return path
}

func envelope(t testing.TB, tenant id.ID, origin, artifact string, doc any) ingest.Envelope {
	t.Helper()
	b, ok := doc.([]byte)
	if !ok {
		var err error
		if b, err = json.Marshal(doc); err != nil {
			t.Fatal(err)
		}
	}
	return ingest.Envelope{Tenant: tenant, Origin: origin, Bytes: b, Artifact: artifact}
}

// record is an OSV record that covers every version of an npm package.
func record(name, pkg string, aliases ...string) object {
	return object{
		"id": name, "modified": "2026-01-01T00:00:00Z", "aliases": aliases,
		"affected": []any{object{"package": object{"ecosystem": "npm", "name": pkg}, "ranges": []any{object{"type": "SEMVER", "events": []any{object{"introduced": "0"}}}}}},
	}
}

// sbomOf is a CycloneDX SBOM of a main component with the purls in it.
func sbomOf(main object, serial string, purls ...string) object {
	components := []any{}
	for i, p := range purls {
		components = append(components, object{"type": "library", "name": "c", "bom-ref": fmt.Sprintf("ref%d", i), "purl": p})
	}
	doc := object{"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "metadata": object{"timestamp": "2026-01-01T00:00:00Z", "component": main}, "components": components}
	if serial != "" {
		doc["serialNumber"] = "urn:uuid:" + serial
	}
	return doc
}

// statusOf are the findings of a tenant: "ARTIFACT PACKAGE VULN" -> "open" or "suppressed", and the status in force.
func (w *world) statusOf(t testing.TB, tenant id.ID) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, f := range query[[]string](t, w, `
		select array[artifact_purl || ' ' || package_purl || ' ' || vuln_id, 'open ' || coalesce(vex ->> 'status', '-')] from vex.open_findings where tenant_id = $1
		union all
		select array[artifact_purl || ' ' || package_purl || ' ' || vuln_id, 'suppressed ' || (vex ->> 'status')] from vex.suppressed_findings where tenant_id = $1`, tenant) {
		out[f[0]] = f[1]
	}
	return out
}

// TestUseCases applies the VEX documents of CycloneDX's and CISA's use cases to SBOMs of the
// products that they name. What they mean is in CISA's "VEX Use Cases" (2022): which
// product, in which version, has which status.
func TestUseCases(t *testing.T) {
	t.Parallel()
	root := corpora(t, "documents", "bom-examples", "VEX")
	const suppressed, fixed, open, triage, silent = "suppressed not_affected", "suppressed fixed", "open affected", "open under_investigation", "open -"
	type product struct {
		name, version string
		serial        string // of its SBOM, for documents that link to it
		want          string // "" for: as the document says of each vulnerability
	}
	abc, jkl := "cbb2cd68-2857-43b8-a10b-e8c03d277d18", "e4c3eedc-4978-470c-ad02-6ffff63738ff"
	acme := []string{"2c385cf7-e1ee-46e9-a51c-13de1ecb380a", "6ffac0b2-5246-4fb9-a6fe-7993041856a0", "240b5b0b-917d-4f48-816c-97e1944d8079"}
	log4j := []product{
		{"ABC", "2.4", abc, open},
		{"ABC", "2.6", abc, open},
		{"ABC", "2.9", abc, open},
		{"ABC", "3.3", abc, open},
		{"ABC", "4.1", abc, open},
		{"ABC", "1.0", abc, suppressed},
		{"ABC", "2.3", abc, suppressed},
		{"ABC", "2.5", abc, suppressed},
		{"ABC", "2.7", abc, suppressed},
		{"ABC", "2.8", abc, suppressed},
		{"ABC", "4.2", abc, suppressed},
		{"ABC", "4.3", abc, silent},
		{"JKL", "4.5", jkl, open},
		{"JKL", "5.0", jkl, open},
		{"JKL", "4.4", jkl, suppressed},
		{"JKL", "1.0", jkl, suppressed},
	}
	// The first vulnerability is fixed in JKL 5.1, the one that the fix left open in 5.2.
	second := func(status string) string { return status + " / CVE-2021-45105 " }
	for _, c := range []struct {
		folder   string
		products []product
	}{
		{"Use-Cases/Case-1", []product{{"Acme Product", "2.4.0", "", suppressed}, {"Acme Product", "2.4.1", "", silent}, {"Other Product", "2.4.0", "", silent}}},
		{"Use-Cases/Case-2", []product{{"Acme Product", "2.4.0", "", open}}},
		{"Use-Cases/Case-3", []product{{"Acme Product", "2.4.0", "", triage}}},
		{"Use-Cases/Case-4", []product{
			{"Acme Product", "2.2.0", "", suppressed},
			{"Acme Product", "2.3.1", "", suppressed},
			{"Acme Product", "2.4.0", "", suppressed},
			{"Acme Product", "2.1.9", "", silent},
			{"Acme Product", "2.4.1", "", silent},
		}},
		{"Use-Cases/Case-6", []product{{"Acme Product 1", "1", acme[0], suppressed}, {"Acme Product 2", "1", acme[1], suppressed}, {"Acme Product 3", "1", acme[2], suppressed}}},
		{"Use-Cases/Case-10", []product{{"Acme Product", "2.2.0", "", suppressed}, {"Acme Product", "2.3.5", "", suppressed}, {"Acme Product", "2.4.0", "", suppressed}, {"Acme Product", "2.2.3", "", silent}}},
		{"Use-Cases/Case-13", []product{{"Acme Product 1", "1", acme[0], suppressed}, {"Acme Product 2", "1", acme[1], suppressed}, {"Acme Product 3", "1", acme[2], open}}},
		{"CISA-Use-Cases/Case-2", []product{{"ABC", "4.2", "", suppressed}, {"ABC", "4.3", "", silent}}},
		{"CISA-Use-Cases/Case-3", []product{{"GHI", "17.4", "", ""}}},
		{"CISA-Use-Cases/Case-7", append(slices.Clone(log4j), product{"JKL", "5.1", jkl, fixed}, product{"JKL", "5.2", jkl, silent})},
		{"CISA-Use-Cases/Case-8", append(slices.Clone(log4j), product{"JKL", "5.1", jkl, second(fixed) + open}, product{"JKL", "5.2", jkl, fixed})},
	} {
		t.Run(c.folder, func(t *testing.T) {
			t.Parallel()
			raw, err := os.ReadFile(filepath.Join(root, c.folder, "vex.json"))
			if err != nil {
				t.Fatal(err)
			}
			var vex struct {
				Vulnerabilities []struct {
					ID       string
					Analysis struct{ State string }
				}
			}
			if err := json.Unmarshal(raw, &vex); err != nil {
				t.Fatal(err)
			}
			w := newWorld(t)
			tenant := w.db.Tenant(t, "acme")
			var docs []ingest.Envelope
			says := map[string]string{}
			for _, v := range vex.Vulnerabilities {
				says[v.ID] = map[string]string{"not_affected": suppressed, "exploitable": open, "in_triage": triage, "resolved": fixed}[v.Analysis.State]
				docs = append(docs, envelope(t, id.Shared, v.ID, "", record(v.ID, "thing")))
			}
			ref := func(name string) string {
				if strings.HasPrefix(name, "Acme") {
					return strings.ReplaceAll(strings.ToLower(name), " ", "-")
				}
				return "product-" + name
			}
			for _, p := range c.products {
				main := object{"type": "application", "name": p.name, "version": p.version, "bom-ref": ref(p.name)}
				docs = append(docs, envelope(t, tenant, p.name+p.version, "", sbomOf(main, p.serial, "pkg:npm/thing@1.0.0")))
			}
			w.load(t, docs...)
			w.drain(t)
			w.load(t, envelope(t, tenant, "vex", "", raw))
			w.noneParked(t)
			w.drain(t)
			got := w.statusOf(t, tenant)
			for _, p := range c.products {
				for vuln, said := range says {
					want, other, _ := strings.Cut(p.want, " / ")
					if status, found := strings.CutPrefix(other, vuln+" "); found {
						want = status
					}
					if want == "" {
						want = said
					}
					key := "pkg:generic/" + strings.ReplaceAll(p.name, " ", "%20") + "@" + p.version + " pkg:npm/thing@1.0.0 " + vuln
					if got[key] != want {
						t.Errorf("%s %s: %q, want %q", p.name, p.version+" "+vuln, got[key], want)
					}
				}
			}
		})
	}
}

func openVEX(statements ...any) object {
	return object{"@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://example.com/vex", "author": "a", "timestamp": "2026-01-02T00:00:00Z", "version": 1, "statements": statements}
}

// TestAliasesJoin: a statement by one id of a vulnerability is about findings by another.
func TestAliasesJoin(t *testing.T) {
	t.Parallel()
	const ghsa, cve, pysec = "GHSA-aaaa-bbbb-cccc", "CVE-2026-1", "PYSEC-2026-1"
	app := object{"type": "application", "name": "app", "version": "1", "purl": "pkg:oci/app@1"}
	says := func(vuln string, aliases ...string) object {
		return openVEX(object{"vulnerability": object{"name": vuln, "aliases": aliases}, "products": []any{object{"@id": "pkg:npm/thing@1.0.0"}}, "status": "not_affected"})
	}
	for _, c := range []struct {
		name  string
		facts []object
		vex   object
		want  string // the finding's name
		state string
	}{
		{"a CVE's statement, a GHSA's finding", []object{record(ghsa, "thing", cve)}, says(cve), cve, "suppressed not_affected"},
		{"a GHSA's statement, a CVE's finding", []object{record(cve, "thing", ghsa)}, says(ghsa), cve, "suppressed not_affected"},
		{"through a third record", []object{record(ghsa, "thing"), record(pysec, "other", ghsa, cve)}, says(cve), cve, "suppressed not_affected"},
		{"through a record about nothing", []object{record(ghsa, "thing"), {"id": cve, "modified": "2026-01-01T00:00:00Z", "aliases": []string{ghsa}, "affected": []any{}}}, says(cve), cve, "suppressed not_affected"},
		{"through the statement's own aliases", []object{record(ghsa, "thing")}, says(cve, ghsa), cve, "suppressed not_affected"},
		{"related is not the same", []object{{"id": ghsa, "modified": "2026-01-01T00:00:00Z", "related": []string{cve}, "affected": record(ghsa, "thing")["affected"]}}, says(cve), ghsa, "open -"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			docs := func(tenant id.ID) (sbom, vex ingest.Envelope, facts []ingest.Envelope) {
				for i, f := range c.facts {
					facts = append(facts, envelope(t, id.Shared, fmt.Sprint("fact", i), "", f))
				}
				return envelope(t, tenant, "sbom", "", sbomOf(app, "", "pkg:npm/thing@1.0.0")), envelope(t, tenant, "vex", "", c.vex), facts
			}
			for order := range 3 {
				w := newWorld(t)
				tenant := w.db.Tenant(t, "acme")
				sbom, vex, facts := docs(tenant)
				steps := [][]ingest.Envelope{{sbom}, {vex}, facts}
				for i := range steps {
					w.load(t, steps[(i+order)%3]...)
					w.drain(t)
				}
				w.noneParked(t)
				got := w.statusOf(t, tenant)
				key := "pkg:oci/app@1 pkg:npm/thing@1.0.0 " + c.want
				if len(got) != 1 || got[key] != c.state {
					t.Errorf("order %d: %v, want %s: %s", order, got, key, c.state)
				}
			}
		})
	}
}

// TestRename: a group that gets a CVE later renames its findings; it does not close and
// reopen them, and they keep their age. An alias that is taken back renames them again, and
// a second CVE makes a second finding.
func TestRename(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tenant := w.db.Tenant(t, "acme")
	app := object{"type": "application", "name": "app", "version": "1", "purl": "pkg:oci/app@1"}
	version := func(day int, aliases ...string) ingest.Envelope {
		r := record("GHSA-aaaa-bbbb-cccc", "thing", aliases...)
		r["modified"] = fmt.Sprintf("2026-01-%02dT00:00:00Z", day)
		return envelope(t, id.Shared, fmt.Sprint("fact", day), "", r)
	}
	w.load(t, envelope(t, tenant, "sbom", "", sbomOf(app, "", "pkg:npm/thing@1.0.0")), version(1))
	w.drain(t)
	w.exec(t, `update vex.open_findings set first_seen = '2026-01-01'`)
	w.load(t, version(2, "CVE-2026-1"))
	w.drain(t)
	w.load(t, version(3))
	w.drain(t)
	w.load(t, version(4, "CVE-2026-1", "CVE-2026-2"))
	if _, err := w.worker().Step(t.Context()); err != nil { // the feed's part
		t.Fatal(err)
	}
	w.load(t, envelope(t, tenant, "vex", "", openVEX(
		object{"vulnerability": object{"name": "CVE-2026-2"}, "products": []any{object{"@id": "pkg:oci/app@1"}}, "status": "fixed"})))
	w.drain(t)
	got := strings.Join(query[string](t, w, `select vuln_id || ' ' || event || ' ' || detail::text from vex.finding_history order by at, ctid`), "\n")
	want := strings.Join([]string{
		`GHSA-aaaa-bbbb-cccc opened {}`,
		`CVE-2026-1 renamed {"from": "GHSA-aaaa-bbbb-cccc"}`,
		`GHSA-aaaa-bbbb-cccc renamed {"from": "CVE-2026-1"}`,
		`CVE-2026-1 renamed {"from": "GHSA-aaaa-bbbb-cccc"}`,
		`CVE-2026-2 suppressed {}`,
	}, "\n")
	if got != want {
		t.Errorf("history:\n%s\nwant:\n%s", got, want)
	}
	for _, s := range query[string](t, w, `select vuln_id || ' ' || first_seen::date from vex.suppressed_findings`) {
		if s != "CVE-2026-2 2026-01-01" {
			t.Errorf("finding %s, want the one of the statement's CVE, with the age of the record", s)
		}
	}
}

// TestAdvisoryPerVulnerability: an advisory that fixes several vulnerabilities opens one
// finding for each, with the advisory as evidence; it does not make them one.
func TestAdvisoryPerVulnerability(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tenant := w.db.Tenant(t, "acme")
	app := object{"type": "container", "name": "app", "version": "1", "purl": "pkg:oci/app@1"}
	w.load(t,
		envelope(t, tenant, "sbom", "", sbomOf(app, "", "pkg:rpm/almalinux/bash@5.1.8-4.el9?distro=almalinux-9")),
		envelope(t, id.Shared, "fact", "", object{
			"id": "ALSA-2026:1", "modified": "2026-01-01T00:00:00Z", "related": []string{"CVE-2026-1", "CVE-2026-2"}, "summary": "Important: bash security update",
			"affected": []any{object{
				"package": object{"ecosystem": "AlmaLinux:9", "name": "bash"},
				"ranges":  []any{object{"type": "ECOSYSTEM", "events": []any{object{"introduced": "0"}, object{"fixed": "5.1.8-6.el9"}}}},
			}},
		}),
		envelope(t, tenant, "vex", "", openVEX(object{"vulnerability": object{"name": "CVE-2026-2"}, "products": []any{object{"@id": "pkg:oci/app@1"}}, "status": "not_affected"})),
	)
	w.drain(t)
	w.noneParked(t)
	got := query[string](t, w, `
		select 'open ' || vuln_id || ' ' || advisories::text || aliases::text || fixed_versions::text || severity from vex.open_findings
		union all select 'suppressed ' || vuln_id || ' ' || advisories::text || aliases::text || fixed_versions::text || severity from vex.suppressed_findings order by 1`)
	want := []string{"open CVE-2026-1 {ALSA-2026:1}{}{5.1.8-6.el9}high", "suppressed CVE-2026-2 {ALSA-2026:1}{}{5.1.8-6.el9}high"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%q, want %q", got, want)
	}
}
