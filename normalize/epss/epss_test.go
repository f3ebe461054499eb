package epss

import (
	"slices"
	"strings"
	"testing"

	"sluice/internal/test/testdocs"
	"sluice/normalize"
	"sluice/normalize/detect"
)

var read = testdocs.Reader(detect.Scan, CSV{})

func TestGolden(t *testing.T) { testdocs.Golden(t, read) }

func TestRealDocuments(t *testing.T) { testdocs.Real(t, read, nil, "EPSS CSV") }

func TestDetect(t *testing.T) {
	testdocs.Detects(t, detect.Scan, []normalize.Format{CSV{}}, map[string]string{
		"#model_version:v1,score_date:2026-01-01T00:00:00Z\ncve,epss,percentile\nCVE-1-1,0,0\n": "epss-csv",
		"\xef\xbb\xbfcve,epss\r\nCVE-1-1,0\r\n":                                                 "epss-csv",
		`"cve","epss","percentile"` + "\n":                                                      "epss-csv",
		"cveID,vendorProject,dateAdded\n":                                                       "",
		"cve,percentile\n":                                                                      "",
		"cve, epss and more: text\n":                                                            "",
		`{"cve":1,"epss":2}`:                                                                    "",
	})
}

func TestRefused(t *testing.T) {
	for in, want := range map[string]string{
		"":                                   normalize.ReasonInvalid,
		"cve,epss,percentile\n":              normalize.ReasonInvalid,
		"cve,percentile\nCVE-2024-1,0.1\n":   normalize.ReasonInvalid,
		"cve,epss\nCVE-2024-1,NaN\n":         normalize.ReasonInvalid,
		"cve,epss\nCVE-2024-1,-0.1\nx,0.1\n": normalize.ReasonInvalid,
		"cve,epss\nCVE-2024-1,1\nCVE-2024-2,1\nCVE-2024-3,1\nCVE-2024-4,1\n": normalize.ReasonTooMany,
	} {
		_, err := CSV{}.Normalize(normalize.Input{Bytes: []byte(in), Limits: normalize.Limits{MaxComponents: 3}})
		if err == nil || !normalize.Permanent(err) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", in, err, want)
		}
	}
}

func FuzzNormalize(f *testing.F) {
	testdocs.Fuzz(f, CSV{}, normalize.Limits{}, "testdata/*/doc.csv", func(t *testing.T, doc *normalize.Document) {
		if !slices.IsSortedFunc(doc.Feed.Scores, func(a, b normalize.Score) int { return strings.Compare(a.VulnID, b.VulnID) }) {
			t.Error("not sorted")
		}
		for i, s := range doc.Feed.Scores {
			if !normalize.IsCVE(s.VulnID) || !(s.Score >= 0 && s.Score <= 1 && s.Percentile >= 0 && s.Percentile <= 1) || i > 0 && s.VulnID == doc.Feed.Scores[i-1].VulnID {
				t.Errorf("%+v", s)
			}
		}
	})
}
