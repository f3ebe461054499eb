package nvd

import (
	"strings"
	"testing"

	"sluice/internal/test/testdocs"
	"sluice/normalize"
	"sluice/normalize/detect"
	"sluice/normalize/version"
)

var read = testdocs.Reader(detect.Scan, JSON{})

func TestGolden(t *testing.T) { testdocs.Golden(t, read) }

// TestRealDocuments reads the answers of the API among the real documents: all must be accepted.
func TestRealDocuments(t *testing.T) {
	documents, records := 0, 0
	for _, e := range testdocs.Manifest(t, "NVD API") {
		doc, err := read(e.Read(t))
		if err != nil {
			t.Errorf("%s: %v", e.Path, err)
			continue
		}
		documents++
		records += len(doc.Vulnerabilities)
		if doc.FormatVersion != e.Version {
			t.Errorf("%s: version %q, want %q", e.Path, doc.FormatVersion, e.Version)
		}
	}
	t.Logf("%d documents, %d records", documents, records)
	if documents < 13 {
		t.Errorf("only %d documents", documents)
	}
}

func TestDetect(t *testing.T) {
	testdocs.Detects(t, detect.Scan, []normalize.Format{JSON{}}, map[string]string{
		`{"resultsPerPage":1,"format":"NVD_CVE","vulnerabilities":[]}`:              "nvd-json",
		`{"resultsPerPage":1,"startIndex":0,"totalResults":1,"vulnerabilities":[]}`: "nvd-json",
		`{"cve":{"id":"CVE-2026-1","vulnStatus":"Analyzed"}}`:                       "nvd-json",
		`{"id":"CVE-2026-1","sourceIdentifier":"x"}`:                                "nvd-json",
		`{"id":"CVE-2026-1","modified":"2026-01-01T00:00:00Z","affected":[]}`:       "",
		`{"format":"NVD_CVEHistory","cveChanges":[]}`:                               "",
		`{"CVE_data_type":"CVE","CVE_Items":[]}`:                                    "",
		`{"catalogVersion":"1","vulnerabilities":[]}`:                               "",
	})
}

func TestRefused(t *testing.T) {
	for in, want := range map[string]string{
		`[]`:                               normalize.ReasonInvalid,
		`{"format":"NVD_CVE"`:              normalize.ReasonSyntax,
		`{"vulnerabilities":[{"cve":{}}]}`: normalize.ReasonInvalid,
		`{"vulnerabilities":[{"cve":{"id":"CVE-1-1"}},{"cve":{"id":"CVE-1-2"}},{"cve":{"id":"CVE-1-3"}}]}`: normalize.ReasonTooMany,
	} {
		_, err := JSON{}.Normalize(normalize.Input{Bytes: []byte(in), Limits: normalize.Limits{MaxComponents: 2}})
		if err == nil || !normalize.Permanent(err) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", in, err, want)
		}
	}
}

func FuzzNormalize(f *testing.F) {
	testdocs.Fuzz(f, JSON{}, normalize.Limits{}, "testdata/*/doc.json", func(t *testing.T, doc *normalize.Document) {
		for _, v := range doc.Vulnerabilities {
			if v.ID == "" || v.Source == "" || len(v.Names) == 0 {
				t.Errorf("incomplete: %+v", v)
			}
			for _, a := range v.Affected {
				if !strings.HasPrefix(a.Key, "cpe:") || len(a.Ranges)+len(a.Versions) == 0 {
					t.Errorf("matches nothing: %+v", a)
				}
				version.Compile(&a)
			}
		}
	})
}
