package syft_test

import (
	"errors"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/test/testdocs"
	"sluice/normalize"
	"sluice/normalize/cyclonedx"
	"sluice/normalize/detect"
	"sluice/normalize/syft"
)

var read = testdocs.Reader(detect.Scan, syft.Format{})

func TestGolden(t *testing.T) { testdocs.Golden(t, read) }

func TestRealDocuments(t *testing.T) { testdocs.Real(t, read, []string{"missing-name"}, "Syft JSON") }

func FuzzFormat(f *testing.F) {
	testdocs.Fuzz(f, syft.Format{}, normalize.Limits{MaxComponents: 100}, "testdata/*/doc.json", nil)
}

func TestDetect(t *testing.T) {
	testdocs.Detects(t, detect.Scan, []normalize.Format{syft.Format{}}, map[string]string{
		`{"artifacts":[],"descriptor":{"name":"syft"}}`:                          "syft-json",
		`{"artifacts":[],"artifactRelationships":[]}`:                            "syft-json",
		`{"artifacts":[],"schema":{"url":"https://x/anchore/syft/main/a.json"}}`: "syft-json",
		`{"matches":[],"descriptor":{"name":"grype"}}`:                           "",
		`{"artifacts":[]}`: "",
	})
}

func TestParked(t *testing.T) {
	for src, want := range map[string]string{
		`[]`: normalize.ReasonInvalid,
		`{"artifacts":[{"id":"1"},{"id":"2"},{"id":"3"}]}`:          normalize.ReasonTooMany,
		`{"distro":{"id":"a"},"artifacts":[{"id":"1"},{"id":"2"}]}`: normalize.ReasonTooMany,
		`{"artifacts":[`: normalize.ReasonSyntax,
		`{} {}`:          normalize.ReasonSyntax,
	} {
		_, err := syft.Format{}.Normalize(normalize.Input{Bytes: []byte(src), Limits: normalize.Limits{MaxComponents: 2}})
		park, ok := errors.AsType[*normalize.ParkError](err)
		if !ok || park.Reason != want {
			t.Errorf("%s: %v, want %s", src, err, want)
		}
	}
}

// TestSameAsCycloneDX: Syft's CycloneDX of the same scan has the same packages.
func TestSameAsCycloneDX(t *testing.T) {
	testdocs.SamePackages(t, "testdata/image_16/doc.json", "testdata/same/bom.json", testdocs.Reader(detect.Scan, syft.Format{}, cyclonedx.JSON{}))
}

func TestDetails(t *testing.T) {
	src, err := os.ReadFile("testdata/image_16/doc.json")
	if err != nil {
		t.Fatal(err)
	}
	d, err := syft.Format{}.Details(normalize.Input{Bytes: src})
	if err != nil {
		t.Fatal(err)
	}
	edges := []normalize.Edge{{From: "s1", To: "a1", Kind: normalize.Contains}, {From: "a3", To: "a4", Kind: normalize.DependsOn}, {From: "a3", To: "a5", Kind: normalize.Contains}}
	if diff := cmp.Diff(edges, d.Edges); diff != "" {
		t.Error(diff)
	}
	licenses := []normalize.License{{Expression: "Apache-2.0"}, {Name: "my licence", Concluded: true}}
	if diff := cmp.Diff(licenses, d.Components[2].Licenses); diff != "" || len(d.Components[2].CPEs) != 1 {
		t.Errorf("%s %+v", diff, d.Components[2])
	}
	if len(d.Components) != 8 || len(d.Roots) != 1 || d.Roots[0] != "s1" || d.Tools[0].String() != "syft 1.20.0" {
		t.Errorf("%+v", d)
	}
}
