package openvex

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/normalize"
	"sluice/normalize/detect"
)

var update = flag.Bool("update", false, "rewrite testdata/*/want.json")

func read(b []byte, lim normalize.Limits) (*normalize.Document, error) {
	return Format{}.Normalize(normalize.Input{Bytes: b, Limits: lim})
}

// TestGolden compares what the documents in testdata say with want.json.
func TestGolden(t *testing.T) {
	docs, _ := filepath.Glob("testdata/*/doc.json")
	if len(docs) == 0 {
		t.Fatal("no testdata")
	}
	for _, path := range docs {
		t.Run(filepath.Base(filepath.Dir(path)), func(t *testing.T) {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			h, err := detect.Scan(b, normalize.Limits{})
			if err != nil || !(Format{}).Detect(h) {
				t.Fatalf("not recognised: %v", err)
			}
			doc, err := read(b, normalize.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.MarshalIndent(doc, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			wantPath := filepath.Join(filepath.Dir(path), "want.json")
			if *update {
				if err := os.WriteFile(wantPath, append(got, '\n'), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(wantPath)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(strings.TrimSpace(string(want)), string(got)); d != "" {
				t.Errorf("(-want +got; go test -update rewrites)\n%s", d)
			}
		})
	}
}

func TestDetect(t *testing.T) {
	for in, want := range map[string]bool{
		`{"@context":"https://openvex.dev/ns/v0.2.0"}`:                              true,
		`{"@context":"https://openvex.dev/ns"}`:                                     true,
		`{"@context":["https://openvex.dev/ns/v9.9.9"],"statements":[]}`:            true,
		`{"@id":"https://openvex.dev/docs/x","author":"a","statements":[]}`:         true,
		`{"@id":"https://example.org/x","author":"a","statements":[]}`:              false,
		`{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","@graph":[]}`: false,
		`{"bomFormat":"CycloneDX"}`:                                                 false,
		`{"document":{"csaf_version":"2.0"}}`:                                       false,
		"@context: https://openvex.dev/ns\n":                                        false,
	} {
		h, err := detect.Scan([]byte(in), normalize.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if got := (Format{}).Detect(h); got != want {
			t.Errorf("%s: %v", in, got)
		}
	}
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
		_, err := read([]byte(in), normalize.Limits{MaxComponents: 3})
		if err == nil || !normalize.Permanent(err) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", in, err, want)
		}
	}
}

func FuzzNormalize(f *testing.F) {
	docs, _ := filepath.Glob("testdata/*/doc.json")
	for _, path := range docs {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		doc, err := read(b, normalize.Limits{})
		again, errAgain := read(b, normalize.Limits{})
		if fmt.Sprint(err) != fmt.Sprint(errAgain) || cmp.Diff(doc, again) != "" {
			t.Fatalf("different results: %v, %v", err, errAgain)
		}
		if err != nil && !normalize.Permanent(err) {
			t.Fatalf("not permanent: %v", err)
		}
		if err != nil {
			return
		}
		for _, s := range doc.Statements {
			if s.VulnID == "" || s.Status == "" || s.Pointer == "" {
				t.Errorf("incomplete: %+v", s)
			}
			for _, p := range s.Products {
				if p == (normalize.Product{}) {
					t.Errorf("%s: a product without anything", s.Pointer)
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
