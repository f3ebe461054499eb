package cve

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"sluice/internal/test/testdocs"
	"sluice/normalize"
	"sluice/normalize/detect"
	"sluice/normalize/lenient"
	"sluice/normalize/version"
)

var read = testdocs.Reader(detect.Scan, JSON{})

func TestGolden(t *testing.T) { testdocs.Golden(t, read) }

func TestRealDocuments(t *testing.T) { testdocs.Real(t, read, nil, "CVE JSON") }

func TestDetect(t *testing.T) {
	testdocs.Detects(t, detect.Scan, []normalize.Format{JSON{}}, map[string]string{
		`{"dataType":"CVE_RECORD","dataVersion":"5.1"}`:      "cve-json",
		`{"cveMetadata":{},"containers":{}}`:                 "cve-json",
		`[{"dataType":"CVE_RECORD"}]`:                        "cve-json",
		`{"data_type":"CVE","data_version":"4.0"}`:           "",
		`{"format":"NVD_CVE","vulnerabilities":[]}`:          "",
		`{"id":"CVE-2026-1","modified":"x","affected":[{}]}`: "",
		"dataType: CVE_RECORD\n":                             "",
	})
}

func TestRefused(t *testing.T) {
	for in, want := range map[string]string{
		`{"dataType":"CVE_RECORD","dataVersion":"5.1"}`:                                             normalize.ReasonInvalid,
		`{"dataType":"CVE_RECORD","dataVersion":"6.0","cveMetadata":{"cveId":"CVE-2026-1"}}`:        normalize.ReasonUnsupported,
		`{"dataType":"CVE_RECORD","cveMetadata":{"cveId":"CVE-` + strings.Repeat("1", 1000) + `"}}`: normalize.ReasonInvalid,
		`{"cveMetadata":{"cveId":"CVE-2026-1"}`:                                                     normalize.ReasonSyntax,
		`[{}]`:                                                                                      normalize.ReasonInvalid,
		`[]`:                                                                                        normalize.ReasonInvalid,
		`[{"cveMetadata":{"cveId":"CVE-1-1"}},{"cveMetadata":{"cveId":"CVE-1-2"}},{"cveMetadata":{}}]`: normalize.ReasonTooMany,
	} {
		_, err := JSON{}.Normalize(normalize.Input{Bytes: []byte(in), Limits: normalize.Limits{MaxComponents: 2}})
		if err == nil || !normalize.Permanent(err) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.100s: %v, want %s", in, err, want)
		}
	}
}

// TestVersions holds what entries of "versions" mean against versions, as matching does.
func TestVersions(t *testing.T) {
	for name, c := range map[string]struct {
		versions, defaultStatus, ecosystem string
		in, out                            []string
	}{
		"less than":             {`[{"version":"1.0","lessThan":"2.0","status":"affected","versionType":"semver"}]`, "unaffected", "npm", []string{"1.0.0", "1.9.9"}, []string{"0.9.0", "2.0.0"}},
		"at most":               {`[{"version":"0","lessThanOrEqual":"2.0","status":"affected"}]`, "", "PyPI", []string{"0.1", "2.0"}, []string{"2.0.1"}},
		"a series":              {`[{"version":"1.0","lessThanOrEqual":"1.*","status":"affected"}]`, "", "PyPI", []string{"1.0", "1.99.1"}, []string{"2.0", "0.9"}},
		"open":                  {`[{"version":"1.0","lessThan":"*","status":"affected"}]`, "", "npm", []string{"1.0.0", "99.0.0"}, []string{"0.9.0"}},
		"without a start":       {`[{"version":"unspecified","lessThan":"2.0.0","status":"affected"}]`, "", "npm", []string{"0.0.1", "1.9.9"}, []string{"2.0.0"}},
		"one":                   {`[{"version":"1.2.3","status":"affected"},{"version":"n/a","status":"affected"}]`, "", "npm", []string{"1.2.3"}, []string{"1.2.4", "0.0.0"}},
		"changes":               {`[{"version":"2.0","lessThan":"2.15.0","status":"affected","changes":[{"at":"2.3.1","status":"unaffected"},{"at":"2.4","status":"affected"}]}]`, "", "Maven", []string{"2.3.0", "2.14.1", "2.4"}, []string{"2.3.1", "2.3.2", "2.15.0"}},
		"GitHub's":              {`[{"version":">= 2.0.0, < 2.0.7","status":"affected"},{"version":"< 1.26.18","status":"affected"}]`, "", "PyPI", []string{"1.26.17", "2.0.6", "2.0.0"}, []string{"1.26.18", "2.0.7"}},
		"by default":            {`[{"version":"0:1.2-3.el8","lessThan":"*","status":"unaffected","versionType":"rpm"}]`, "affected", "Red Hat:8", []string{"0:1.2-2.el8", "1.1-9.el8"}, []string{"1.2-3.el8", "1:0.1-1.el8"}},
		"by default all":        {`[]`, "affected", "Red Hat:8", []string{"1.2-2.el8"}, nil},
		"by default none":       {`[]`, "unaffected", "npm", nil, []string{"1.0.0"}},
		"unknown":               {`[{"version":"1.0.0","lessThan":"2.0.0","status":"unknown"}]`, "unknown", "npm", nil, []string{"1.0.0"}},
		"safe ones meet":        {`[{"version":"6.12","status":"affected"},{"version":"0","lessThan":"6.12","status":"unaffected"},{"version":"5.15.177","lessThanOrEqual":"5.15.*","status":"unaffected"},{"version":"6.12.10","lessThanOrEqual":"6.12.*","status":"unaffected"},{"version":"6.14","lessThanOrEqual":"*","status":"unaffected"}]`, "affected", "CPE", []string{"6.12", "6.12.9", "6.13.1"}, []string{"5.15.1", "5.16", "6.11", "6.12.10", "6.12.99", "6.14", "7.0"}},
		"commits":               {`[{"version":"0123456789abcdef0123456789abcdef01234567","lessThan":"*","status":"affected","versionType":"git"}]`, "affected", "npm", nil, []string{"1.0.0"}},
		"no version at the end": {`[{"version":"2.0","lessThan":"kettle*","status":"affected"}]`, "", "Maven", []string{"2.0", "9"}, []string{"1.9"}},
	} {
		entries := entriesOf(t, c.versions)
		a := &normalize.AffectedPackage{Ecosystem: c.ecosystem, Score: -1}
		a.Ranges, a.Versions, _, _ = convert(entries, c.defaultStatus, c.ecosystem)
		compiled := version.Compile(a)
		for _, v := range slices.Concat(c.in, c.out) {
			if _, got, err := compiled.Affected(v); err != nil || got != slices.Contains(c.in, v) {
				t.Errorf("%s: %s affected: %v %v (%+v)", name, v, got, err, a)
			}
		}
	}
}

func entriesOf(t *testing.T, versions string) (list []entry) {
	t.Helper()
	r := &reader{Reader: lenient.New([]byte(versions), "", nil)}
	for ok := r.List(); ok && r.Element(); {
		if e, ok := r.entry(); ok {
			list = append(list, e.constraints()...)
		}
	}
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

// TestCollections is how packages are named in each collection.
func TestCollections(t *testing.T) {
	for _, c := range []struct {
		p    product
		want string
	}{
		{product{collection: "https://www.npmjs.com/", name: "@teapot/kettle"}, "npm|@teapot/kettle"},
		{product{collection: "https://www.npmjs.com/package/kettle"}, "npm|kettle"},
		{product{collection: "pypi.org", name: "Kettle_Py"}, "PyPI|kettle-py"},
		{product{collection: "https://repo1.maven.org/maven2", name: "org.teapot:kettle"}, "Maven|org.teapot:kettle"},
		{product{collection: "https://repo.maven.apache.org/maven2", name: "kettle"}, ""},
		{product{collection: "https://mvnrepository.com/artifact/org.teapot/kettle"}, "Maven|org.teapot:kettle"},
		{product{collection: "https://crates.io/crates/kettle_rs"}, "crates.io|kettle-rs"},
		{product{collection: "https://rubygems.org/gems", name: "kettle"}, "RubyGems|kettle"},
		{product{collection: "https://packagist.org/packages/teapot/kettle"}, "Packagist|teapot/kettle"},
		{product{collection: "https://packagist.org", vendor: "teapot", name: "kettle"}, "Packagist|teapot/kettle"},
		{product{collection: "https://www.nuget.org/packages/Kettle.Net/"}, "NuGet|kettle.net"},
		{product{collection: "https://hackage.haskell.org/package/kettle"}, "Hackage|kettle"},
		{product{collection: "https://proxy.golang.org", name: "teapot.example/kettle"}, "Go|teapot.example/kettle"},
		{product{collection: "https://pkg.go.dev", vendor: "teapot.example/kettle/v2", name: "teapot.example/kettle/v2/boil"}, "Go|teapot.example/kettle/v2"},
		{product{collection: "https://pkg.go.dev", vendor: "Go standard library", name: "net/http"}, "Go|stdlib"},
		{product{collection: "https://pkg.go.dev", vendor: "Go toolchain", name: "cmd/go"}, "Go|toolchain"},
		{product{collection: "https://example.org", name: "kettle"}, ""},
		{product{collection: "://", name: "kettle"}, ""},
		{product{purl: "pkg:maven/org.teapot/kettle"}, "Maven|org.teapot:kettle"},
		{product{purl: "pkg:deb/debian/kettle?distro=bookworm"}, "Debian:12|kettle"},
		{product{vendor: "teapot", product: "kettle"}, ""},
	} {
		r := &reader{warn: func(string, string, string, ...any) {}}
		var got []string
		for _, a := range r.identify(c.p, "") {
			got = append(got, a.Key)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%+v: %v, want %s", c.p, got, c.want)
		}
	}
}

// TestMostSpecificFirst: what names the package stands before what a CPE says.
func TestMostSpecificFirst(t *testing.T) {
	doc, err := read([]byte(`{"dataType":"CVE_RECORD","cveMetadata":{"cveId":"CVE-2026-1"},"containers":{"cna":{
		"cpeApplicability":[{"nodes":[{"cpeMatch":[{"criteria":"cpe:2.3:a:teapot:kettle:*"}]}]}],
		"affected":[{"packageURL":"pkg:npm/kettle","defaultStatus":"affected"}]}}}`))
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, a := range doc.Vulnerabilities[0].Affected {
		keys = append(keys, a.Key)
	}
	if !reflect.DeepEqual(keys, []string{"npm|kettle", "cpe:a:teapot:kettle"}) {
		t.Error(keys)
	}
}

func FuzzNormalize(f *testing.F) {
	testdocs.Fuzz(f, JSON{}, normalize.Limits{}, "testdata/*/doc.json", func(t *testing.T, doc *normalize.Document) {
		for _, v := range doc.Vulnerabilities {
			if v.ID == "" || v.Source == "" || len(v.Names) == 0 {
				t.Errorf("incomplete: %+v", v)
			}
			for _, a := range v.Affected {
				if a.Key == "" || len(a.Ranges)+len(a.Versions) == 0 {
					t.Errorf("matches nothing: %+v", a)
				}
				version.Compile(&a)
			}
		}
	})
}
