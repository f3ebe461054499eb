package rubysec

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

func TestDetect(t *testing.T) {
	testdocs.Detects(t, detect.Scan, []normalize.Format{YAML{}}, map[string]string{
		"---\ngem: x\ncve: 2026-1\ntitle: y\n":                        "rubysec-yaml",
		"gem: x\npatched_versions:\n- \">= 1\"\n":                     "rubysec-yaml",
		"engine: ruby\ncve: 2026-1\ntitle: y\n":                       "rubysec-yaml",
		"gem: x\nversion: 1\n":                                        "",
		"id: GO-2026-1\nmodules:\n- module: x\n":                      "",
		"id: PYSEC-1\nmodified: 2026-01-01T00:00:00Z\naffected: []\n": "",
	})
}

// TestRequirements holds what is affected against the gems that an advisory's requirements allow.
func TestRequirements(t *testing.T) {
	for _, c := range []struct {
		safe            string // separated by ;
		affected, other string
	}{
		{">= 1.0.1", "0 0.9 1.0.0 1.0.1.rc1", "1.0.1 2.0"},
		{"~> 2.1.3; >= 2.2.0", "2.1.2 0.1 2.2.0.rc1", "2.1.3 2.1.9 2.2.0 3.0"},
		{"~> 2.1", "2.0.9 3.0 3.0.1", "2.1 2.9"},
		{"~> 2", "1.9 3.0.0 3.1", "2.0 2.9"},
		{"< 1.0.0; ~> 2.1.3; ~> 2.2.0, >= 2.2.4; >= 3.0.1", "1.0.0 2.1.2 2.2.3 3.0.0", "0.9 2.1.4 2.2.4 2.2.9 3.0.1 4"},
		{"<= 1.2; > 1.5", "1.2.0.1 1.2.1 1.5", "1.2 1.2.0 1.0 1.5.1"},
		{"= 1.3", "1.2 1.4", "1.3 1.3.0"},
		{"1.3", "1.2 1.4", "1.3"},
		{"", "0 1 99", ""},
		{">= 0", "", "0 1 99"},
		{"< 2; >= 1", "", "0 1 2 3"},
		{"< 2; > 2", "2 2.0", "1 3"},
		{"> 1, < 3; >= 2, <= 4", "1 4.0.1 5", "1.5 2.5 4"},
	} {
		a := &advisory{warn: func(code, _, format string, args ...any) { t.Errorf("%s: %s", c.safe, code) }, gem: "x"}
		for s := range strings.SplitSeq(c.safe, ";") {
			if s = strings.TrimSpace(s); s != "" {
				a.safe, a.safeAt = append(a.safe, s), append(a.safeAt, "")
			}
		}
		a.affected()
		check := func(v string, want bool) {
			got := false
			for _, p := range a.v.Affected {
				_, in, err := version.Affected(&p, "", v)
				if err != nil {
					t.Fatal(err)
				}
				got = got || in
			}
			if got != want {
				t.Errorf("%s: %s affected: %v (%+v)", c.safe, v, got, a.v.Affected)
			}
		}
		for v := range strings.FieldsSeq(c.affected) {
			check(v, true)
		}
		for v := range strings.FieldsSeq(c.other) {
			check(v, false)
		}
	}
}

// TestOneCVETwoGems: the advisories of two gems about one CVE are two facts.
func TestOneCVETwoGems(t *testing.T) {
	sources := map[string]bool{}
	for _, gem := range []string{"rails", "rack"} {
		doc, err := read([]byte("gem: " + gem + "\ncve: 2026-1\ntitle: x\npatched_versions: []\n"))
		if err != nil {
			t.Fatal(err)
		}
		v := doc.Vulnerabilities[0]
		if sources[v.Source] = true; v.ID != "CVE-2026-1" || v.Affected[0].Key != "RubyGems|"+gem {
			t.Errorf("%+v", v)
		}
	}
	if len(sources) != 2 {
		t.Error(sources)
	}
}

func TestRefused(t *testing.T) {
	for in, want := range map[string]string{
		"":                     normalize.ReasonEmpty,
		"- a\n":                normalize.ReasonInvalid,
		"gem: x\ntitle: y\n":   normalize.ReasonInvalid,
		"gem: x\ncve: [\n":     normalize.ReasonSyntax,
		"gem: \"\\0\"\ncve: 1": normalize.ReasonNUL,
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
