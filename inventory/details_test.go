package inventory_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/ask"
	"sluice/inventory"
)

const graph = `{"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {"timestamp": "2026-01-01T00:00:00Z",
  "component": {"type": "application", "bom-ref": "app", "name": "app", "version": "1", "purl": "pkg:oci/app@1"}},
 "components": [{"type": "library", "bom-ref": "l", "name": "left", "version": "1.0.0", "purl": "pkg:npm/left@1.0.0"},
  {"type": "library", "bom-ref": "r", "name": "right", "version": "2.0.0", "purl": "pkg:pypi/Ri_ght@2.0.0", "licenses": [{"license": {"id": "MIT"}}]},
  {"type": "library", "bom-ref": "x", "name": "alone", "version": "3", "purl": "pkg:npm/alone@3"}],
 "dependencies": [{"ref": "app", "dependsOn": ["l"]}, {"ref": "l", "dependsOn": ["r"]}]}`

// TestPath: how an SBOM comes to a package is read from its original.
func TestPath(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w := newWorld(t)
	w.load(w.acme, graph, vex)
	keys := map[string]inventory.DocumentKey{}
	for _, d := range must(w.inv.Documents(ctx, w.acme, inventory.DocumentFilter{}))(t) {
		keys[d.Kind] = must(inventory.ParseDocumentKey(d.ID))(t)
	}
	// Purls are compared in one spelling, and shown as the document has them.
	want := []inventory.Step{
		{Ref: "app", Name: "app", Version: "1", Purl: "pkg:oci/app@1"},
		{Ref: "l", Name: "left", Version: "1.0.0", Purl: "pkg:npm/left@1.0.0"},
		{Ref: "r", Name: "right", Version: "2.0.0", Purl: "pkg:pypi/Ri_ght@2.0.0"},
	}
	if diff := cmp.Diff(want, must(w.inv.Path(ctx, w.acme, keys["sbom"], "pkg:pypi/ri-ght@2.0.0"))(t)); diff != "" {
		t.Error(diff)
	}
	for _, purl := range []string{"pkg:npm/alone@3", "pkg:npm/elsewhere@1"} {
		if path := must(w.inv.Path(ctx, w.acme, keys["sbom"], purl))(t); len(path) != 0 {
			t.Errorf("%s: %v", purl, path)
		}
	}
	if _, err := w.inv.Path(ctx, w.acme, keys["sbom"], "right"); !is[*ask.WrongError](err) {
		t.Errorf("no purl: %v", err)
	}
	d := must(w.inv.Details(ctx, w.acme, keys["sbom"]))(t)
	if got := d.Components[2].Licenses[0].ID; got != "MIT" {
		t.Errorf("licence %q", got)
	}
	if _, err := w.inv.Details(ctx, w.acme, keys["vex"]); !is[*ask.WrongError](err) || !strings.Contains(err.Error(), "nothing is read from this format") {
		t.Errorf("details of an OpenVEX document: %v", err)
	}
	if _, err := w.inv.Details(ctx, w.rival, keys["sbom"]); !is[*ask.NotFoundError](err) {
		t.Errorf("details of another tenant's document: %v", err)
	}
}

func is[T error](err error) bool {
	_, ok := errors.AsType[T](err)
	return ok
}
