package projections

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"sluice/ingest"
	"sluice/routing/flags"
)

// nvdOf is a CVE of NVD about what criteria name, as JSON of cpeMatch.
func nvdOf(cve string, matches ...string) string {
	return `{"id":"` + cve + `","vulnStatus":"Analyzed","lastModified":"2026-01-02T03:04:05.000","configurations":[{"nodes":[{"cpeMatch":[` + strings.Join(matches, ",") + `]}]}]}`
}

func cpeBOM(app string, components ...string) string {
	return `{"bomFormat":"CycloneDX","specVersion":"1.6","metadata":{"timestamp":"2026-01-01T00:00:00Z","component":{"type":"container","name":"` + app + `","purl":"pkg:oci/` + app + `@1"}},
		"components":[` + strings.Join(components, ",") + `]}`
}

// TestCPERanges: what a component's CPE and version say is held against what NVD's criteria say.
func TestCPERanges(t *testing.T) {
	t.Parallel()
	w, worker, set := flagged(t)
	acme := w.db.Tenant(t, "acme")
	set(acme, flags.CPE, `{}`)
	range_ := func(product, bounds string) string {
		return `{"vulnerable":true,"criteria":"cpe:2.3:a:haxx:` + product + `:*:*:*:*:*:*:*:*"` + bounds + `}`
	}
	w.load(t,
		enveloped(acme, nvdOf("CVE-2026-1", range_("curl", `,"versionStartIncluding":"7.0","versionEndExcluding":"7.80"`))),
		enveloped(acme, nvdOf("CVE-2026-2", range_("curl", `,"versionStartExcluding":"7.50","versionEndIncluding":"7.70"`))),
		enveloped(acme, nvdOf("CVE-2026-3", `{"vulnerable":true,"criteria":"cpe:2.3:a:haxx:curl:7.50:rc1:*:*:*:*:*:*"}`)),
		enveloped(acme, nvdOf("CVE-2026-4", `{"vulnerable":true,"criteria":"cpe:2.3:a:haxx:curl:-:*:*:*:*:*:*:*"}`)),
		enveloped(acme, nvdOf("CVE-2026-5", range_("everything", ``))),
		enveloped(acme, nvdOf("CVE-2026-6", `{"vulnerable":true,"criteria":"cpe:2.3:a:haxx:plug-in:*:*:*:*:*:wordpress:*:*"}`)),
		enveloped(acme, nvdOf("CVE-2026-7", `{"vulnerable":true,"criteria":"cpe:2.3:o:haxx:firm\\:ware:*:*:*:*:*:*:*:*","versionEndIncluding":"2"}`)),
		enveloped(acme, nvdOf("CVE-2026-8", `{"vulnerable":false,"criteria":"cpe:2.3:a:haxx:host:*:*:*:*:*:*:*:*"}`)))
	cases := []struct{ component, want string }{
		{`"purl":"pkg:generic/curl@7.0","cpe":"cpe:2.3:a:haxx:curl:7.0:*:*:*:*:*:*:*"`, "1"},
		{`"purl":"pkg:generic/curl@6.9","cpe":"cpe:2.3:a:haxx:curl:6.9:*:*:*:*:*:*:*"`, ""},
		{`"purl":"pkg:generic/curl@7.80","cpe":"cpe:2.3:a:haxx:curl:7.80:*:*:*:*:*:*:*"`, ""},
		{`"purl":"pkg:generic/curl@7.80-rc1","cpe":"cpe:2.3:a:haxx:curl:7.80:rc1:*:*:*:*:*:*"`, "1"},
		{`"purl":"pkg:generic/curl@7.50","cpe":"cpe:/a:haxx:curl:7.50"`, "1"},
		{`"purl":"pkg:generic/curl@7.50.1","cpe":"cpe:/a:haxx:curl"`, "1 2"},
		{`"purl":"pkg:generic/curl@7.70","cpe":"cpe:2.3:a:HAXX:Curl:*:*:*:*:*:*:*:*"`, "1 2"},
		{`"purl":"pkg:generic/curl@7.70.1","cpe":"cpe:2.3:a:haxx:curl:-:*:*:*:*:*:*:*"`, "1"},
		{`"purl":"pkg:npm/curl@7.50.0-rc.1","cpe":"cpe:2.3:a:haxx:curl:7.50:rc1:*:*:*:*:*:*"`, "1 3"},
		{`"name":"cURL","version":"7.50","cpe":"cpe:2.3:a:haxx:curl:7.50:rc1:*:*:*:*:*:*"`, "1 3"},
		{`"name":"cURL","version":"7.60","cpe":"cpe:2.3:a:haxx:curl:*:*:*:*:*:*:*:*"`, "1 2"},
		{`"name":"cURL","cpe":"cpe:2.3:a:haxx:curl:-:*:*:*:*:*:*:*"`, ""},
		{`"purl":"pkg:rpm/fedora/curl@7.60-1.fc39?distro=fedora-39&epoch=2","cpe":"cpe:2.3:a:haxx:curl:7.60-1.fc39:*:*:*:*:*:*:*"`, "1 2"},
		{`"name":"e","cpe":"cpe:/a:haxx:everything"`, ""},
		{`"name":"e","version":"r1","cpe":"cpe:/a:haxx:everything"`, "5"},
		{`"name":"p","version":"1","cpe":"cpe:2.3:a:haxx:plug-in:1:*:*:*:*:*:*:*"`, ""},
		{`"name":"p","version":"1","cpe":"cpe:2.3:a:haxx:plug-in:1:*:*:*:*:wordpress:*:*"`, "6"},
		{`"name":"f","version":"1","cpe":"cpe:2.3:o:haxx:firm\\:ware:1:*:*:*:*:*:*:*"`, "7"},
		{`"name":"h","version":"1","cpe":"cpe:2.3:a:haxx:host:1:*:*:*:*:*:*:*"`, ""},
		{`"name":"x","version":"1","cpe":"cpe:2.3:a:*:curl:7.0:*:*:*:*:*:*:*"`, ""},
		{`"name":"x","version":"7.0","cpe":"curl"`, ""},
	}
	app := func(i int) string { return fmt.Sprint("app", i) }
	var list []ingest.Envelope
	for i, c := range cases {
		name := ""
		if !strings.Contains(c.component, `"name"`) {
			name = `"name":"c",`
		}
		list = append(list, enveloped(acme, cpeBOM(app(i), `{"type":"library",`+name+c.component+`}`)))
	}
	w.load(t, list...)
	if err := worker.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, c := range cases {
		got := query[string](t, w, `select concat_ws(' ', vuln_id, evidence #>> '{facts,0,matched_by}') from vex.open_findings where tenant_id = $1 and artifact_purl = $2 order by 1`, acme, "pkg:oci/"+app(i)+"@1")
		var want []string
		for n := range strings.FieldsSeq(c.want) {
			want = append(want, "CVE-2026-"+n+" cpe")
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", c.component, got, want)
		}
	}
	w.noneParked(t)
}

// TestCPEInAnyOrder: whatever comes first, the record, the SBOM that gives the CPE, another with the same purl and
// none, or the flag: what is found is the same, and with the flag off it is what it would be without CPEs. What has
// no purl is an unknown all the while.
func TestCPEInAnyOrder(t *testing.T) {
	t.Parallel()
	w, worker, set := flagged(t)
	record := nvdOf("CVE-2026-1", `{"vulnerable":true,"criteria":"cpe:2.3:a:haxx:curl:*:*:*:*:*:*:*:*","versionEndExcluding":"7.80"}`)
	const bare = `{"type":"library","name":"curl","purl":"pkg:generic/curl@7.0"}`
	const known = `{"type":"library","name":"curl","purl":"pkg:generic/curl@7.0","cpe":"cpe:2.3:a:haxx:curl:7.0:*:*:*:*:*:*:*"}`
	const alone = `{"type":"library","group":"haxx","name":"curl","version":"7.1","cpe":"cpe:2.3:a:haxx:curl:7.1:*:*:*:*:*:*:*"}`
	documents := []string{record, cpeBOM("first", bare), cpeBOM("second", known, alone)}
	const flag = 3
	want := []string{
		"open CVE-2026-1 pkg:generic/curl@7.0 by CVE-2026-1", "open CVE-2026-1 pkg:generic/curl@7.0 by CVE-2026-1",
		"open CVE-2026-1 pkg:generic/haxx/curl@7.1?cpe=cpe:2.3:a:haxx:curl:7.1:%2A:%2A:%2A:%2A:%2A:%2A:%2A by CVE-2026-1",
	}
	unknowns := []string{"curl unknown-ecosystem", "curl unknown-ecosystem", "haxx/curl no-purl"}
	for i, order := range [][]int{{0, 1, 2, flag}, {flag, 2, 1, 0}, {1, 2, 0, flag}, {flag, 1, 0, 2}, {1, flag, 0, 2}, {2, 0, flag, 1}, {0, flag, 1, 2}} {
		acme := w.db.Tenant(t, fmt.Sprint("acme", i))
		drain := func() {
			t.Helper()
			if err := worker.Drain(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for _, step := range order {
			if step == flag {
				set(acme, flags.CPE, `{}`)
			} else {
				w.load(t, enveloped(acme, documents[step]))
			}
			drain()
		}
		if got := w.findingsOf(t, acme); !slices.Equal(got, want) {
			t.Errorf("%v: %q\nwant %q", order, got, want)
		}
		if got := query[string](t, w, `select context ->> 'name' || ' ' || kind from unknowns.unknown where tenant_id = $1 and sys_to is null order by 1`, acme); !slices.Equal(got, unknowns) {
			t.Errorf("%v: unknowns %q", order, got)
		}
		set(acme, flags.CPE, `{"else": false}`)
		drain()
		if got := w.findingsOf(t, acme); len(got) > 0 {
			t.Errorf("%v: with the flag off %q", order, got)
		}
	}
	w.noneParked(t)
}

// TestCPEOfStored: SBOMs that were imported before their CPEs were taken give them when they are read again.
func TestCPEOfStored(t *testing.T) {
	t.Parallel()
	w, worker, set := flagged(t)
	acme := w.db.Tenant(t, "acme")
	set(acme, flags.CPE, `{}`)
	w.load(t, enveloped(acme, nvdOf("CVE-2026-1", `{"vulnerable":true,"criteria":"cpe:2.3:a:haxx:curl:*:*:*:*:*:*:*:*"}`)),
		enveloped(acme, cpeBOM("app", `{"type":"library","name":"curl","purl":"pkg:npm/curl@7.0.0","cpe":"cpe:/a:haxx:curl"}`, `{"type":"library","name":"curl","version":"7","cpe":"cpe:/a:haxx:curl"}`)))
	// As an earlier version left it.
	w.exec(t, `delete from vex.package_key`)
	w.exec(t, `delete from vex.package where purl like '%cpe=%'`)
	w.exec(t, `update ingest.sbom_inventory set unmatched = (select jsonb_agg(u - 'package') from jsonb_array_elements(unmatched) as u) where unmatched <> '[]'`)
	count := func() int {
		if err := worker.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		return len(w.findingsOf(t, acme))
	}
	if n := count(); n != 0 {
		t.Fatalf("%d findings without keys", n)
	}
	w.exec(t, `insert into core.job_queue (tenant_id, kind, payload, dedup_key) select tenant_id, 'reread', jsonb_build_object('document', document_id), document_id::text from ingest.original`)
	if n := count(); n != 2 {
		t.Errorf("%d findings after the documents were read again, want 2: %v", n, w.findingsOf(t, acme))
	}
	// Another document about one of the packages that gives no CPE takes none away.
	w.load(t, ingest.Envelope{Tenant: acme, Origin: "test", Bytes: []byte(cpeBOM("other", `{"type":"library","name":"curl","purl":"pkg:npm/curl@7.0.0"}`))})
	count()
	w.exec(t, `insert into core.job_queue (tenant_id, kind, payload, dedup_key) select tenant_id, 'reread', jsonb_build_object('document', document_id), document_id::text from ingest.original`)
	if n := count(); n != 3 {
		t.Errorf("%d findings with another document, want 3: %v", n, w.findingsOf(t, acme))
	}
}
