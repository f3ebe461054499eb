package inventory_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/id"
	"sluice/inventory"
)

// app is an SBOM of the artifact of that version with a chain of dependencies to left, or without left.
func app(version, day string, left bool) string {
	components, edges := "", ""
	if left {
		components = `, {"type": "library", "bom-ref": "l", "name": "left", "version": "1.0.0", "purl": "pkg:npm/left@1.0.0"}`
		edges = `, {"ref": "r", "dependsOn": ["l"]}`
	}
	return `{"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {"timestamp": "` + day + `T00:00:00Z",
	  "component": {"type": "application", "bom-ref": "app", "name": "app", "version": "` + version + `", "purl": "pkg:oci/app@` + version + `"}},
	 "components": [{"type": "library", "bom-ref": "r", "name": "right", "version": "2.0.0", "purl": "pkg:npm/right@2.0.0"}` + components + `],
	 "dependencies": [{"ref": "app", "dependsOn": ["r"]}` + edges + `]}`
}

// why asks about left in an artifact.
func (w *world) why(t *testing.T, artifact string) *inventory.Why {
	t.Helper()
	return must(w.inv.Why(t.Context(), w.acme, inventory.WhyQuestion{Vuln: "CVE-2026-1", Package: "pkg:npm/left@1.0.0", Artifact: artifact}))(t)
}

// where is the way of dependencies to the package, by names.
func where(t *testing.T, w *inventory.Why) string {
	t.Helper()
	if len(w.Places) != 1 {
		t.Fatalf("%d places, want 1: %+v", len(w.Places), w.Places)
	}
	names := make([]string, len(w.Places[0].Path))
	for i, s := range w.Places[0].Path {
		names[i] = s.Name
	}
	return strings.Join(names, " > ")
}

func events(w *inventory.Why) (list []string) {
	for _, e := range w.History {
		list = append(list, e.Event+": "+e.Reason)
	}
	return list
}

// TestWhy follows a finding through its life: open in a chain of dependencies, repeated by a scan that says the same,
// closed by an SBOM without the package, open again, closed with its artifact, and back.
func TestWhy(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w := newWorld(t)
	w.load(w.acme, fact, app("1", "2026-01-01", true))
	w.project()
	const one = "pkg:oci/app@1"
	open := w.why(t, one)
	if open.Status != "open" || where(t, open) != "app > right > left" {
		t.Errorf("%s, %s", open.Status, where(t, open))
	}
	proof := []string{"SBOM", "record GHSA-left"}
	said := func(w *inventory.Why) []string {
		return each(w.Proof, func(p inventory.WhyProof) string { return p.What })
	}
	if diff := cmp.Diff(proof, said(open)); diff != "" {
		t.Error(diff)
	}

	// A later scan says the same, so its bytes are not kept: where it is rests on those that are.
	w.load(w.acme, app("1", "2026-01-02", true))
	w.project()
	if again := w.why(t, one); where(t, again) != "app > right > left" || again.Places[0].Document != open.Places[0].Document {
		t.Errorf("after a scan that repeats it: %+v", again.Places)
	} else if diff := cmp.Diff(proof, said(again)); diff != "" {
		t.Error(diff)
	} else if !again.Places[0].Time.After(*open.Places[0].Time) {
		t.Errorf("seen last at %s", again.Places[0].Time)
	}

	w.load(w.acme, app("1", "2026-01-03", false))
	w.project()
	closed := w.why(t, one)
	if closed.Status != "closed" || len(closed.Places) != 0 || !strings.Contains(closed.Because, "it was a finding") || !strings.Contains(closed.Because, "no current SBOM of the artifact lists the package") {
		t.Errorf("%s because %s, in %+v", closed.Status, closed.Because, closed.Places)
	}
	if diff := cmp.Diff([]string{"opened: a fact covers a component", "closed: no current SBOM of the artifact lists the component any more"}, events(closed)); diff != "" {
		t.Error(diff)
	}
	// By its ID, which is what it was when it was open.
	byID := must(w.inv.Why(ctx, w.acme, inventory.WhyQuestion{ID: open.ID}))(t)
	if diff := cmp.Diff(closed, byID); diff != "" {
		t.Error(diff)
	}

	w.load(w.acme, app("1", "2026-01-04", true))
	w.project()
	if back := w.why(t, one); back.Status != "open" || len(back.History) != 3 || back.History[2].Event != "reopened" {
		t.Errorf("%s, %v", back.Status, events(back))
	}

	// A decision says whose it is.
	d := inventory.Decision{Package: "pkg:npm/left@1.0.0", Vuln: "CVE-2026-1", Artifact: one, Status: "affected", Action: "wait"}
	who := id.Derive(w.acme, "ana")
	d.Actor = &who
	must(w.inv.DecideAll(ctx, w.acme, []inventory.Decision{d}, false))(t)
	w.project()
	if told := w.why(t, one); len(told.Statements) != 1 || told.Statements[0].Kind != "decision" || told.Statements[0].Issuer != who.String() || !told.Statements[0].InForce {
		t.Errorf("%+v", told.Statements)
	}

	if !must(w.inv.Retire(ctx, w.acme, inventory.Retirement{Artifact: one, Reason: "switched off"}))(t) {
		t.Fatal("it was retired before")
	}
	w.project()
	retired := w.why(t, one)
	if retired.Status != "closed" || !strings.Contains(retired.Because, "the artifact is retired") {
		t.Errorf("%s because %s", retired.Status, retired.Because)
	}
	if last := retired.History[len(retired.History)-1]; last.Event != "closed" || !strings.Contains(last.Reason, "retired") {
		t.Errorf("%+v", last)
	}
	if !must(w.inv.Revive(ctx, w.acme, inventory.Revival{Artifact: one, Reason: "back"}))(t) {
		t.Fatal("it was not retired")
	}
	w.project()
	if revived := w.why(t, one); revived.Status != "open" || where(t, revived) != "app > right > left" {
		t.Errorf("%s because %s", revived.Status, revived.Because)
	}

	// Closed ones in a list: the reason, and none that are open again.
	list := must(w.inv.Findings(ctx, w.acme, inventory.FindingFilter{Status: "closed"}))(t)
	if len(list) != 0 {
		t.Errorf("closed, and open again: %+v", list)
	}
	w.load(w.acme, app("1", "2026-01-05", false), app("2", "2026-01-05", true))
	w.project()
	list = must(w.inv.Findings(ctx, w.acme, inventory.FindingFilter{Status: "closed"}))(t)
	if len(list) != 1 || list[0].Artifact != one || list[0].Status != "closed" || list[0].Closed == "" || list[0].ID != open.ID || list[0].Vulnerability != "CVE-2026-1" {
		t.Errorf("%+v", list)
	}
	for _, f := range []inventory.FindingFilter{{Status: "closed", Artifact: "pkg:oci/app@2"}, {Status: "closed", Severity: "critical", Package: "pkg:npm/right"}} {
		if list := must(w.inv.Findings(ctx, w.acme, f))(t); len(list) != 0 {
			t.Errorf("%+v: %+v", f, list)
		}
	}
	if list := must(w.inv.Findings(ctx, w.rival, inventory.FindingFilter{Status: "closed"}))(t); len(list) != 0 {
		t.Errorf("another tenant's: %+v", list)
	}
}
