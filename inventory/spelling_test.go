package inventory_test

import (
	"errors"
	"slices"
	"testing"

	"sluice/internal/ask"
	"sluice/inventory"
)

// TestSpelling: questions and decisions find what they mean, however it is spelt.
func TestSpelling(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	w.load(w.acme,
		`{"id":"GO-2099-1","modified":"2099-01-01T00:00:00Z","aliases":["cve-2099-1"],
		  "affected":[{"package":{"ecosystem":"Go","name":"example.com/Left"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"}]}]}]}`,
		`{"bomFormat":"CycloneDX","specVersion":"1.6","metadata":{"timestamp":"2099-01-02T00:00:00Z","component":{"type":"container","name":"app","version":"1","purl":"pkg:oci/app@1"}},
		  "components":[{"type":"library","name":"left","purl":"pkg:golang/example.com/left@v1.2.0"},
		                {"type":"library","name":"libx","purl":"pkg:deb/debian/libx@1-1?arch=amd64&distro=debian-12"},
		                {"type":"library","name":"libx","purl":"pkg:deb/debian/libx@1-1?arch=arm64&distro=debian-12"}]}`)
	w.project()
	for _, vuln := range []string{"CVE-2099-1", "cve-2099-1", " go-2099-1 "} {
		list := must(w.inv.Findings(ctx, w.acme, inventory.FindingFilter{Vuln: vuln}))(t)
		if got := each(list, func(f inventory.Finding) string { return f.Vulnerability }); !slices.Equal(got, []string{"CVE-2099-1"}) {
			t.Errorf("findings of %q: %v", vuln, got)
		}
	}
	d := inventory.Decision{Package: "pkg:golang/example.com%2Fleft@1.2.0", Vuln: "cve-2099-1", Status: "not_affected", Rationale: "not called"}
	if err := w.inv.Decide(ctx, w.acme, d); err != nil {
		t.Fatal(err)
	}
	w.project()
	list := must(w.inv.Findings(ctx, w.acme, inventory.FindingFilter{Status: "suppressed"}))(t)
	if len(list) != 1 {
		t.Errorf("after the decision: %v", list)
	}
	for pkg, want := range map[string]bool{
		"pkg:deb/debian/libx@1-1?arch=arm64&distro=bookworm": true,
		"pkg:deb/debian/libx@1-1?distro=bookworm":            false, // of which architecture?
		"pkg:deb/debian/libx@1-1?arch=arm64&distro=bullseye": false,
		"pkg:golang/example.com/left@v1.2.1":                 false,
	} {
		d.Package = pkg
		err := w.inv.Decide(ctx, w.acme, d)
		var wrong *ask.WrongError
		var missing *ask.NotFoundError
		if (err == nil) != want || err != nil && !errors.As(err, &wrong) && !errors.As(err, &missing) {
			t.Errorf("decision on %s: %v", pkg, err)
		}
	}
}
