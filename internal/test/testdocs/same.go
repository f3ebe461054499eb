package testdocs

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sluice/normalize"
)

// SamePackages checks that two documents of one scan, a tool's own and its CycloneDX, are
// about the same artifact and have the same packages, whatever their references are. Invalid
// purls are oddities of the first one's fixture.
func SamePackages(t *testing.T, own, cdx string, read func([]byte) (*normalize.Document, error)) {
	t.Helper()
	a, err := read(readFile(t, own))
	if err != nil {
		t.Fatal(err)
	}
	b, err := read(readFile(t, cdx))
	if err != nil {
		t.Fatal(err)
	}
	a.Components = slices.DeleteFunc(a.Components, func(c normalize.Component) bool {
		return slices.ContainsFunc(a.Warnings, func(w normalize.Warning) bool {
			return w.Code == "invalid-purl" && strings.HasPrefix(w.Pointer, c.Pointer+"/")
		})
	})
	if diff := cmp.Diff(b.Subject, a.Subject); diff != "" {
		t.Errorf("the subject (-cyclonedx +own)\n%s", diff)
	}
	for _, list := range [][2][]normalize.Component{{b.Components, a.Components}, {b.Main, a.Main}} {
		diff := cmp.Diff(list[0], list[1],
			cmpopts.IgnoreFields(normalize.Component{}, "Ref", "Pointer"),
			cmpopts.SortSlices(func(a, b normalize.Component) bool { return a.Name < b.Name }),
		)
		if diff != "" {
			t.Errorf("(-cyclonedx +own)\n%s", diff)
		}
	}
}
