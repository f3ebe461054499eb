package openvex

import (
	"fmt"
	"strings"
	"testing"

	"sluice/internal/test/testdocs"
	"sluice/normalize"
	"sluice/normalize/detect"
)

var read = testdocs.Reader(detect.Scan, Format{})

func TestGolden(t *testing.T) { testdocs.Golden(t, read) }

func TestDetect(t *testing.T) {
	testdocs.Detects(t, detect.Scan, []normalize.Format{Format{}}, map[string]string{
		`{"@context":"https://openvex.dev/ns/v0.2.0"}`:                              "openvex",
		`{"@context":"https://openvex.dev/ns"}`:                                     "openvex",
		`{"@context":["https://openvex.dev/ns/v9.9.9"],"statements":[]}`:            "openvex",
		`{"@id":"https://openvex.dev/docs/x","author":"a","statements":[]}`:         "openvex",
		`{"@id":"https://example.org/x","author":"a","statements":[]}`:              "",
		`{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","@graph":[]}`: "",
		`{"bomFormat":"CycloneDX"}`:                                                 "",
		`{"document":{"csaf_version":"2.0"}}`:                                       "",
		"@context: https://openvex.dev/ns\n":                                        "",
	})
}

func TestRefused(t *testing.T) {
	for in, want := range map[string]string{
		`[]`:                 normalize.ReasonInvalid,
		`{"statements":[`:    normalize.ReasonSyntax,
		`{"statements":[{]}`: normalize.ReasonSyntax,
		`{} {}`:              normalize.ReasonSyntax,
		``:                   normalize.ReasonEmpty,
		`{"statements":[{"vulnerability":"CVE-1","products":["a","b"],"subcomponents":["c","d"]}]}`: normalize.ReasonTooMany,
	} {
		_, err := Format{}.Normalize(normalize.Input{Bytes: []byte(in), Limits: normalize.Limits{MaxComponents: 3}})
		if err == nil || !normalize.Permanent(err) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", in, err, want)
		}
	}
}

func FuzzNormalize(f *testing.F) {
	testdocs.Fuzz(f, Format{}, normalize.Limits{}, "testdata/*/doc.json", func(t *testing.T, doc *normalize.Document) {
		for _, s := range doc.Statements {
			if s.VulnID == "" || s.Status == "" || s.Pointer == "" {
				t.Errorf("incomplete: %+v", s)
			}
			for _, p := range s.Products {
				if p == (normalize.Product{}) || p.Unreadable != "" && p != p.AboutNothing(p.Unreadable) {
					t.Errorf("%s: %+v", s.Pointer, p)
				}
			}
		}
	})
}

func ExampleFormat() {
	doc, err := Format{}.Normalize(normalize.Input{Bytes: []byte(`{
		"@context": "https://openvex.dev/ns/v0.2.0",
		"@id": "https://example.org/vex/1",
		"author": "Teapot Works",
		"timestamp": "2026-01-10T08:00:00Z",
		"statements": [{
			"vulnerability": {"name": "CVE-2026-0001"},
			"products": [{"@id": "pkg:oci/teapot", "subcomponents": [{"@id": "pkg:apk/alpine/kettle@1.2.3"}]}],
			"status": "not_affected",
			"justification": "vulnerable_code_not_present"
		}]
	}`)})
	if err != nil {
		panic(err)
	}
	s := doc.Statements[0]
	fmt.Println(s.VulnID, s.Status, s.Products[0].Subcomponent, "in", s.Products[0].Purl)
	// Output: CVE-2026-0001 not_affected pkg:apk/alpine/kettle@1.2.3 in pkg:oci/teapot
}
