package govuln

import (
	"strings"
	"testing"

	"sluice/internal/test/testdocs"
	"sluice/normalize"
	"sluice/normalize/detect"
	"sluice/normalize/version"
)

var read = testdocs.Reader(detect.Scan, YAML{})

func TestGolden(t *testing.T) { testdocs.Golden(t, read) }

// TestRealDocuments reads the reports among the real documents: all must be accepted, and the excluded
// ones withdrawn.
func TestRealDocuments(t *testing.T) {
	reports, withdrawn := 0, 0
	for _, e := range testdocs.Manifest(t, "Go vuln report YAML") {
		doc, err := read(e.Read(t))
		if err != nil {
			t.Errorf("%s: %v", e.Path, err)
			continue
		}
		reports++
		v := doc.Vulnerabilities[0]
		if !v.Withdrawn.IsZero() {
			withdrawn++
		}
		if strings.Contains(e.Path, "/excluded/") && (v.Withdrawn.IsZero() || len(v.Affected) > 0) || v.Withdrawn.IsZero() && len(v.Affected) == 0 {
			t.Errorf("%s: %+v", e.Path, v)
		}
		if len(doc.Warnings) > 0 {
			t.Errorf("%s: %v", e.Path, doc.Warnings)
		}
	}
	t.Logf("%d reports, %d of them withdrawn", reports, withdrawn)
	if reports < 120 || withdrawn < 10 {
		t.Errorf("%d reports, %d withdrawn", reports, withdrawn)
	}
}

func TestDetect(t *testing.T) {
	testdocs.Detects(t, detect.Scan, []normalize.Format{YAML{}}, map[string]string{
		"id: GO-2026-1\nmodules:\n- module: x\n":                        "govuln-yaml",
		"id: GO-2026-1\nmodified: 2026-01-01T00:00:00Z\naffected: []\n": "",
		"id: PYSEC-1\nmodules: []\n":                                    "",
		"gem: x\ncve: 2026-1\n":                                         "",
	})
}

func TestRefused(t *testing.T) {
	for in, want := range map[string]string{
		"":                             normalize.ReasonEmpty,
		"- a\n":                        normalize.ReasonInvalid,
		"modules:\n- module: x\n":      normalize.ReasonInvalid,
		"id: GO-1\nmodules: [\n":       normalize.ReasonSyntax,
		"id: GO-1\nmodules: \"\\0\"\n": normalize.ReasonNUL,
	} {
		_, err := YAML{}.Normalize(normalize.Input{Bytes: []byte(in)})
		if err == nil || !normalize.Permanent(err) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", in, err, want)
		}
	}
}

func FuzzNormalize(f *testing.F) {
	testdocs.Fuzz(f, YAML{}, normalize.Limits{}, "testdata/*/doc.yaml", func(t *testing.T, doc *normalize.Document) {
		for _, v := range doc.Vulnerabilities {
			if v.ID == "" || v.Source == "" || len(v.Names) == 0 {
				t.Errorf("incomplete: %+v", v)
			}
			for _, a := range v.Affected {
				version.Compile(&a)
			}
		}
	})
}
