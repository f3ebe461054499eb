package snapshot_test

import (
	"errors"
	"testing"

	"sluice/internal/test/testdocs"
	"sluice/normalize"
	"sluice/normalize/detect"
	"sluice/normalize/snapshot"
)

var read = testdocs.Reader(detect.Scan, snapshot.Format{})

func TestGolden(t *testing.T) { testdocs.Golden(t, read) }

func TestRealDocuments(t *testing.T) {
	testdocs.Real(t, read, []string{"missing-name"}, "GitHub dep snapshot")
}

func FuzzFormat(f *testing.F) {
	testdocs.Fuzz(f, snapshot.Format{}, normalize.Limits{MaxComponents: 100}, "testdata/*/doc.json", nil)
}

func TestDetect(t *testing.T) {
	testdocs.Detects(t, detect.Scan, []normalize.Format{snapshot.Format{}}, map[string]string{
		`{"detector":{"name":"x"},"manifests":{}}`:    "github-snapshot",
		`{"detector":{"name":"x"}}`:                   "",
		`{"bomFormat":"CycloneDX","components":[]}`:   "",
		`{"spdxVersion":"SPDX-2.3","manifests":"no"}`: "",
	})
}

func TestParked(t *testing.T) {
	for src, want := range map[string]string{
		`[]`:            normalize.ReasonInvalid,
		`{"version":1}`: normalize.ReasonUnsupported,
		`{"manifests":{"a":{"resolved":{"x":{},"y":{},"z":{}}}}}`: normalize.ReasonTooMany,
		`{"manifests":`: normalize.ReasonSyntax,
	} {
		_, err := snapshot.Format{}.Normalize(normalize.Input{Bytes: []byte(src), Limits: normalize.Limits{MaxComponents: 2}})
		park, ok := errors.AsType[*normalize.ParkError](err)
		if !ok || park.Reason != want {
			t.Errorf("%s: %v, want %s", src, err, want)
		}
	}
}

// TestDetails: a dependency is found by its name or its purl, within its manifest.
func TestDetails(t *testing.T) {
	const doc = `{"detector":{"name":"x","version":"1"},"manifests":{
		"a":{"resolved":{"k":{"package_url":"pkg:npm/k@1","dependencies":["l","pkg:npm/m@1","gone"]},"l":{"package_url":"pkg:npm/l@1"},"M":{"package_url":"pkg:npm/m@1"}}},
		"b":{"resolved":{"k":{"package_url":"pkg:npm/k@2","dependencies":["l"]}}}}}`
	d, err := snapshot.Format{}.Details(normalize.Input{Bytes: []byte(doc)})
	if err != nil {
		t.Fatal(err)
	}
	want := []normalize.Edge{{From: "a#k", To: "a#l", Kind: normalize.DependsOn}, {From: "a#k", To: "a#M", Kind: normalize.DependsOn}}
	if len(d.Edges) != 2 || d.Edges[0] != want[0] || d.Edges[1] != want[1] || len(d.Components) != 4 || d.Tools[0].String() != "x 1" {
		t.Errorf("%+v", d)
	}
}
