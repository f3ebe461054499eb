package kev

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"sluice/internal/test/testdocs"
	"sluice/normalize"
	"sluice/normalize/detect"
)

var read = testdocs.Reader(detect.Scan, JSON{}, CSV{})

func TestGolden(t *testing.T) { testdocs.Golden(t, read) }

func TestRealDocuments(t *testing.T) { testdocs.Real(t, read, nil, "CISA KEV") }

func TestDetect(t *testing.T) {
	testdocs.Detects(t, detect.Scan, []normalize.Format{JSON{}, CSV{}}, map[string]string{
		`{"catalogVersion":"1","vulnerabilities":[]}`:                                         "kev-json",
		`{"title":"CISA Catalog of Known Exploited Vulnerabilities","vulnerabilities":[{}]}`:  "kev-json",
		`{"document":{"csaf_version":"2.0"},"vulnerabilities":[]}`:                            "",
		`{"catalogVersion":"1","vulnerabilities":{}}`:                                         "",
		"cveID,vendorProject,product,vulnerabilityName,dateAdded\nCVE-1-1,a,b,c,2026-01-01\n": "kev-csv",
		"cve,epss,percentile\n": "",
	})
}

// TestBothNotations: the catalogue says the same as JSON and as CSV, but for when it was released.
func TestBothNotations(t *testing.T) {
	entries := func(path string) *normalize.Feed {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := read(b)
		if err != nil {
			t.Fatal(err)
		}
		return doc.Feed
	}
	a, b := entries("testdata/catalogue/doc.json"), entries("testdata/csv/doc.csv")
	if a.Version = ""; !reflect.DeepEqual(a, b) || len(a.Exploited) != 2 {
		t.Errorf("%+v\n%+v", a, b)
	}
}

func TestRefused(t *testing.T) {
	for in, want := range map[string]string{
		`{"vulnerabilities":[`:     normalize.ReasonSyntax,
		`{"vulnerabilities":[]}`:   normalize.ReasonInvalid,
		`{"vulnerabilities":[{}]}`: normalize.ReasonInvalid,
		`{"vulnerabilities":[{"cveID":"CVE-2026-1"},{"cveID":"CVE-2026-2"},{"cveID":"CVE-2026-3"}]}`: normalize.ReasonTooMany,
	} {
		_, err := JSON{}.Normalize(normalize.Input{Bytes: []byte(in), Limits: normalize.Limits{MaxComponents: 2}})
		if err == nil || !normalize.Permanent(err) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", in, err, want)
		}
	}
	for in, want := range map[string]string{
		"":                               normalize.ReasonInvalid,
		"cveID,dateAdded\n":              normalize.ReasonInvalid,
		"cveID,dateAdded\n,2026-01-01\n": normalize.ReasonInvalid,
		"cveID,dateAdded\nCVE-2026-1,\nCVE-2026-2,\nCVE-2026-3,\n": normalize.ReasonTooMany,
	} {
		_, err := CSV{}.Normalize(normalize.Input{Bytes: []byte(in), Limits: normalize.Limits{MaxComponents: 2}})
		if err == nil || !normalize.Permanent(err) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", in, err, want)
		}
	}
}

func FuzzJSON(f *testing.F) {
	testdocs.Fuzz(f, JSON{}, normalize.Limits{}, "testdata/*/doc.json", sound)
}

func FuzzCSV(f *testing.F) { testdocs.Fuzz(f, CSV{}, normalize.Limits{}, "testdata/*/doc.csv", sound) }

func sound(t *testing.T, doc *normalize.Document) {
	for i, e := range doc.Feed.Exploited {
		if e.VulnID == "" || i > 0 && e.VulnID <= doc.Feed.Exploited[i-1].VulnID {
			t.Errorf("%+v", e)
		}
	}
}
