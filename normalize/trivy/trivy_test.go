package trivy_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/test/testdocs"
	"sluice/normalize"
	"sluice/normalize/cyclonedx"
	"sluice/normalize/detect"
	"sluice/normalize/trivy"
)

var read = testdocs.Reader(detect.Scan, trivy.Format{})

func TestGolden(t *testing.T) { testdocs.Golden(t, read) }

func TestRealDocuments(t *testing.T) { testdocs.Real(t, read, []string{"missing-name"}, "Trivy JSON") }

func FuzzFormat(f *testing.F) {
	testdocs.Fuzz(f, trivy.Format{}, normalize.Limits{MaxComponents: 100}, "testdata/*/doc.json", nil)
}

func TestDetect(t *testing.T) {
	testdocs.Detects(t, detect.Scan, []normalize.Format{trivy.Format{}}, map[string]string{
		`{"SchemaVersion":2,"Results":[]}`:                   "trivy-json",
		`{"SchemaVersion":2,"ArtifactName":"a"}`:             "trivy-json",
		`{"schemaVersion":2,"mediaType":"a","manifests":[]}`: "",
		`{"ArtifactName":"a"}`:                               "",
	})
}

func TestParked(t *testing.T) {
	const one = `{"ID":"a","Name":"a"}`
	for _, c := range []struct{ src, reason, pointer, message string }{
		{`[]`, normalize.ReasonInvalid, "", "object"},
		{`{"SchemaVersion":1,"Results":[]}`, normalize.ReasonUnsupported, "/SchemaVersion", "write 2"},
		{`{"SchemaVersion":2,"Results":[{"Packages":[` + one + "," + one + "," + one + `]}]}`, normalize.ReasonTooMany, "/Results/0/Packages/2", ""},
		{`{"SchemaVersion":2,"Results":[`, normalize.ReasonSyntax, "/Results", ""},
		// What is vulnerable is not what is there.
		{`{"SchemaVersion":2,"ArtifactName":"a"}`, normalize.ReasonInvalid, "/Results", "--list-all-pkgs"},
		{`{"SchemaVersion":2,"Results":[{"Class":"config"}]}`, normalize.ReasonInvalid, "/Results", "--list-all-pkgs"},
		{`{"SchemaVersion":2,"Results":[{"Packages":[]}]}`, normalize.ReasonInvalid, "/Results", "--list-all-pkgs"},
		{`{"SchemaVersion":2,"Results":[{"Packages":[` + one + `]},{"Vulnerabilities":[{"VulnerabilityID":"CVE-1"}]}]}`, normalize.ReasonInvalid, "/Results/1", "--list-all-pkgs"},
	} {
		_, err := trivy.Format{}.Normalize(normalize.Input{Bytes: []byte(c.src), Limits: normalize.Limits{MaxComponents: 2}})
		park, ok := errors.AsType[*normalize.ParkError](err)
		if !ok || park.Reason != c.reason || park.Pointer != c.pointer || !strings.Contains(park.Error(), c.message) {
			t.Errorf("%s: %v, want %s at %s", c.src, err, c.reason, c.pointer)
		}
	}
}

// TestSameAsCycloneDX: Trivy's CycloneDX of the same scan has the same packages and is about
// the same artifact.
func TestSameAsCycloneDX(t *testing.T) {
	testdocs.SamePackages(t, "testdata/image/doc.json", "testdata/same/bom.json", testdocs.Reader(detect.Scan, trivy.Format{}, cyclonedx.JSON{}))
}

func TestDetails(t *testing.T) {
	src, err := os.ReadFile("testdata/image/doc.json")
	if err != nil {
		t.Fatal(err)
	}
	d, err := trivy.Format{}.Details(normalize.Input{Bytes: src})
	if err != nil {
		t.Fatal(err)
	}
	edges := []normalize.Edge{{From: "u1", To: "u2", Kind: normalize.DependsOn}, {From: "u4", To: "u5", Kind: normalize.DependsOn}}
	if diff := cmp.Diff(edges, d.Edges); diff != "" {
		t.Error(diff)
	}
	if len(d.Components) != 8 || d.Components[0].Ref != d.Roots[0] || len(d.Components[6].Licenses) != 2 || d.Tools[0].String() != "trivy 0.60.0" {
		t.Errorf("%+v", d)
	}
}

// TestImagePurl: the purl of an image is that of Trivy's CycloneDX.
func TestImagePurl(t *testing.T) {
	for digest, want := range map[string]string{
		"alpine@sha256:ab":               "pkg:oci/alpine@sha256%3Aab?arch=amd64&repository_url=index.docker.io%2Flibrary%2Falpine",
		"acme/app@sha256:ab":             "pkg:oci/app@sha256%3Aab?arch=amd64&repository_url=index.docker.io%2Facme%2Fapp",
		"ghcr.io/acme/App@sha256:ab":     "pkg:oci/app@sha256%3Aab?arch=amd64&repository_url=ghcr.io%2Facme%2FApp",
		"localhost:5000/a/b/c@sha256:ab": "pkg:oci/c@sha256%3Aab?arch=amd64&repository_url=localhost%3A5000%2Fa%2Fb%2Fc",
		"alpine":                         "",
		"@sha256:ab":                     "",
	} {
		src := fmt.Sprintf(`{"SchemaVersion":2,"ArtifactName":"x","ArtifactType":"container_image","Metadata":{"RepoDigests":[%q],"ImageConfig":{"architecture":"amd64"}},"Results":[{"Packages":[{"Name":"a"}]}]}`, digest)
		doc, err := trivy.Format{}.Normalize(normalize.Input{Bytes: []byte(src)})
		if err != nil || doc.Subject.Purl != want {
			t.Errorf("%s: %q, want %q (%v)", digest, doc.Subject.Purl, want, err)
		}
	}
}
