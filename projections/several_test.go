package projections

import (
	"fmt"
	"slices"
	"testing"

	"sluice/ingest"
	"sluice/internal/id"
)

// npmRecord is an OSV record of an npm package below a version.
func npmRecord(vuln, modified, name, fixed, more string) string {
	return fmt.Sprintf(`{"id":%q,"modified":%q,"affected":[{"package":{"ecosystem":"npm","name":%q},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"},{"fixed":%q}]}]}]%s}`,
		vuln, modified, name, fixed, more)
}

// enveloped is a document in an envelope.
func enveloped(tenant id.ID, document string) ingest.Envelope {
	return ingest.Envelope{Tenant: tenant, Origin: "test", Bytes: []byte(document)}
}

// findingsOf are the findings of a tenant: state, vulnerability, package, advisories.
func (w *world) findingsOf(t testing.TB, tenant id.ID) []string {
	t.Helper()
	list := query[string](t, w, `
		select 'open ' || vuln_id || ' ' || package_purl || ' by ' || array_to_string(advisories, ',') from vex.open_findings where tenant_id = $1
		union all
		select 'suppressed ' || vuln_id || ' ' || package_purl || ' by ' || array_to_string(advisories, ',') from vex.suppressed_findings where tenant_id = $1
		order by 1`, tenant)
	slices.Sort(list)
	return list
}

// TestSeveralCVEs: an advisory with several CVEs is several vulnerabilities, and a verdict
// about one never hides another, whatever came first.
func TestSeveralCVEs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i, order := range [][]int{{0, 1, 2, 3}, {3, 2, 1, 0}, {1, 3, 0, 2}} {
		tenant := w.db.Tenant(t, fmt.Sprintf("acme%d", i))
		documents := []string{
			npmRecord("RUSTSEC-2099-1", "2099-01-01T00:00:00Z", "left", "2.0.0", `,"aliases":["CVE-2099-1","CVE-2099-2"]`),
			npmRecord("GHSA-one1-one1-one1", "2099-01-01T00:00:00Z", "left", "1.5.0", `,"aliases":["CVE-2099-1"]`),
			`{"bomFormat":"CycloneDX","specVersion":"1.5","metadata":{"timestamp":"2099-01-01T00:00:00Z","component":{"type":"container","name":"app","purl":"pkg:oci/app@1"}},"components":[{"type":"library","name":"left","purl":"pkg:npm/left@1.0.0"}]}`,
			`{"@context":"https://openvex.dev/ns/v0.2.0","@id":"https://vex.example/1","author":"a","timestamp":"2099-01-02T00:00:00Z","version":1,"statements":[{"vulnerability":{"name":"cve-2099-1"},"products":[{"@id":"pkg:oci/app@1"}],"status":"not_affected","justification":"component_not_present"}]}`,
		}
		for _, n := range order {
			w.load(t, enveloped(tenant, documents[n]))
			w.drain(t)
		}
		want := []string{
			"open CVE-2099-2 pkg:npm/left@1.0.0 by RUSTSEC-2099-1",
			"suppressed CVE-2099-1 pkg:npm/left@1.0.0 by GHSA-one1-one1-one1,RUSTSEC-2099-1",
		}
		if got := w.findingsOf(t, tenant); !slices.Equal(got, want) {
			t.Errorf("order %v: %q, want %q", order, got, want)
		}
		w.checkHistory(t)
	}
}

// TestSourcesOfOneID: what two sources call by one CVE are two records. Neither a newer
// version nor a withdrawal of the one is about the other.
func TestSourcesOfOneID(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	from := func(host string) string {
		return fmt.Sprintf(`,"database_specific":{"source":"https://%s/1.json"}`, host)
	}
	documents := []string{
		npmRecord("CVE-2099-1", "2099-01-01T00:00:00Z", "left", "2.0.0", from("one.example")),
		npmRecord("cve-2099-1", "2099-01-02T00:00:00Z", "left", "0.5.0", from("two.example")), // says that it is fixed
		npmRecord("CVE-2099-2", "2099-01-01T00:00:00Z", "left", "2.0.0", from("one.example")),
		npmRecord("CVE-2099-2", "2099-01-02T00:00:00Z", "left", "2.0.0", from("two.example")+`,"withdrawn":"2099-01-02T00:00:00Z"`),
		npmRecord("CVE-2099-3", "2099-01-01T00:00:00Z", "left", "2.0.0", ""),
		`{"id":"CVE-2099-3","modified":"2099-01-02T00:00:00Z","affected":[{"package":{"ecosystem":"PyPI","name":"left"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"}]}]}]}`,
		npmRecord("CVE-2099-4", "2099-01-01T00:00:00Z", "left", "2.0.0", from("one.example")),
		npmRecord("CVE-2099-4", "2099-01-02T00:00:00Z", "left", "0.5.0", from("one.example")), // its own newer version
		`{"bomFormat":"CycloneDX","specVersion":"1.5","metadata":{"timestamp":"2099-01-01T00:00:00Z","component":{"type":"container","name":"app","purl":"pkg:oci/app@1"}},"components":[{"type":"library","name":"left","purl":"pkg:npm/left@1.0.0"}]}`,
	}
	want := []string{
		"open CVE-2099-1 pkg:npm/left@1.0.0 by CVE-2099-1",
		"open CVE-2099-2 pkg:npm/left@1.0.0 by CVE-2099-2",
		"open CVE-2099-3 pkg:npm/left@1.0.0 by CVE-2099-3",
	}
	for i, step := range []int{1, -1} {
		tenant := w.db.Tenant(t, fmt.Sprintf("acme%d", i))
		slices.Reverse(documents)
		for n := range documents {
			w.load(t, enveloped(tenant, documents[(n*step+len(documents))%len(documents)]))
			w.drain(t)
		}
		if got := w.findingsOf(t, tenant); !slices.Equal(got, want) {
			t.Errorf("%d: %q, want %q", step, got, want)
		}
	}
}

// TestLongIDs: two ids that begin alike are two, however long they are.
func TestLongIDs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tenant := w.db.Tenant(t, "acme")
	long := fmt.Sprintf("GHSA-%0990d", 7)
	w.load(t, enveloped(tenant, npmRecord(long+"1", "2099-01-01T00:00:00Z", "left", "2.0.0", `,"aliases":["`+long+`3"]`)))
	w.load(t, enveloped(tenant, `{"bomFormat":"CycloneDX","specVersion":"1.5","metadata":{"timestamp":"2099-01-01T00:00:00Z","component":{"type":"container","name":"app","purl":"pkg:oci/app@1"}},"components":[{"type":"library","name":"left","purl":"pkg:npm/left@1.0.0"}]}`))
	w.load(t, enveloped(tenant, npmRecord(long+"2", "2099-01-02T00:00:00Z", "left", "2.0.0", `,"withdrawn":"2099-01-02T00:00:00Z"`)))
	w.drain(t)
	want := []string{"open " + long + "1 pkg:npm/left@1.0.0 by " + long + "1"}
	if got := w.findingsOf(t, tenant); !slices.Equal(got, want) {
		t.Errorf("%.30q", got)
	}
}
