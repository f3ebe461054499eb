package csaf

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/test/testdocs"
	"sluice/normalize"
	"sluice/normalize/detect"
)

var read = testdocs.Reader(detect.Scan, Format{})

func TestGolden(t *testing.T) { testdocs.Golden(t, read) }

func TestDetect(t *testing.T) {
	testdocs.Detects(t, detect.Scan, []normalize.Format{Format{}}, map[string]string{
		`{"document":{"csaf_version":"2.0"}}`:                       "csaf",
		`{"document":{"csaf_version":"3.0"}}`:                       "csaf",
		`{"document":{"category":"csaf_vex"},"vulnerabilities":[]}`: "csaf",
		`{"document":{"category":"csaf_vex"}}`:                      "",
		`{"document":{"category":"letter"},"product_tree":{}}`:      "",
		`{"document":{"title":"a"},"vulnerabilities":[]}`:           "",
		`{"catalogVersion":"2025","vulnerabilities":[]}`:            "",
		`{"@context":"https://openvex.dev/ns"}`:                     "",
	})
}

func TestRefused(t *testing.T) {
	ids := `["a","b","c","d","e","f"]`
	for in, want := range map[string]string{
		`[]`:                                  normalize.ReasonInvalid,
		``:                                    normalize.ReasonEmpty,
		`{"document":`:                        normalize.ReasonSyntax,
		`{"vulnerabilities":[{]}`:             normalize.ReasonSyntax,
		`{} {}`:                               normalize.ReasonSyntax,
		`{"document":{"csaf_version":"1.2"}}`: normalize.ReasonUnsupported + " at /document/csaf_version",
		`{"document":{"csaf_version":"2.0"},"vulnerabilities":[{"cve":"CVE-1","product_status":{"fixed":` + ids + `}}]}`:                                              normalize.ReasonTooMany,
		`{"product_tree":{"full_product_names":[{"product_id":"1"},{"product_id":"2"},{"product_id":"3"},{"product_id":"4"},{"product_id":"5"},{"product_id":"6"}]}}`: normalize.ReasonTooMany,
		`{"product_tree":{"product_groups":[` + strings.TrimSuffix(strings.Repeat(`{"group_id":"g","product_ids":`+ids+`},`, 20), ",") + `]}}`:                        normalize.ReasonTooMany,
	} {
		_, err := Format{}.Normalize(normalize.Input{Bytes: []byte(in), Limits: normalize.Limits{MaxComponents: 5}})
		if err == nil || !normalize.Permanent(err) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", in, err, want)
		}
	}
}

// TestOrder holds that the order of the document's members does not matter.
func TestOrder(t *testing.T) {
	b, err := os.ReadFile("testdata/vex20/doc.json")
	if err != nil {
		t.Fatal(err)
	}
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(b, &parts); err != nil {
		t.Fatal(err)
	}
	turned := fmt.Sprintf(`{"vulnerabilities":%s,"product_tree":%s,"document":%s}`, parts["vulnerabilities"], parts["product_tree"], parts["document"])
	want, err := read(b)
	if err != nil {
		t.Fatal(err)
	}
	got, err := read([]byte(turned))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func FuzzNormalize(f *testing.F) {
	testdocs.Fuzz(f, Format{}, normalize.Limits{}, "testdata/*/doc.json", func(t *testing.T, doc *normalize.Document) {
		for _, s := range doc.Statements {
			if s.VulnID == "" || s.Status == "" || s.Pointer == "" || len(s.Products) == 0 {
				t.Errorf("incomplete: %+v", s)
			}
			for _, p := range s.Products {
				if p.ID == "" && p.Unreadable == "" || p.Unreadable != "" && p != p.AboutNothing(p.Unreadable) {
					t.Errorf("%s: %+v", s.Pointer, p)
				}
			}
		}
	})
}

// BenchmarkNormalize reads the largest real document, 19 MB.
func BenchmarkNormalize(b *testing.B) {
	var largest []byte
	eachReal(b, func(_ string, doc []byte, _ *normalize.Head) {
		if len(doc) > len(largest) {
			largest = doc
		}
	})
	b.SetBytes(int64(len(largest)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := (Format{}).Normalize(normalize.Input{Bytes: largest}); err != nil {
			b.Fatal(err)
		}
	}
}

func ExampleFormat() {
	doc, err := Format{}.Normalize(normalize.Input{Bytes: []byte(`{
		"document": {
			"category": "csaf_vex", "csaf_version": "2.0",
			"publisher": {"name": "Teapot Works"},
			"tracking": {"id": "TW-1", "current_release_date": "2026-03-01T10:00:00Z"}
		},
		"product_tree": {"full_product_names": [
			{"name": "Kettle 1.2", "product_id": "K12", "product_identification_helper": {"purl": "pkg:npm/kettle@1.2"}}
		]},
		"vulnerabilities": [{
			"cve": "CVE-2026-0001",
			"product_status": {"known_not_affected": ["K12"]},
			"flags": [{"label": "component_not_present", "product_ids": ["K12"]}]
		}]
	}`)})
	if err != nil {
		panic(err)
	}
	s := doc.Statements[0]
	fmt.Println(s.VulnID, s.Status, s.Justification, s.Products[0].Purl)
	// Output: CVE-2026-0001 not_affected component_not_present pkg:npm/kettle@1.2
}

// TestHostile holds that references multiply neither time nor memory: minutes if they did, and half a
// second without the race detector as it is.
func TestHostile(t *testing.T) {
	list := func(n int, format string) string {
		var parts []string
		for i := range n {
			parts = append(parts, strings.ReplaceAll(format, "#", fmt.Sprint(i)))
		}
		return "[" + strings.Join(parts, ",") + "]"
	}
	purls := func(name string) string { return list(3000, `"pkg:npm/`+name+`@#"`) }
	for name, in := range map[string]string{
		"purls times purls": `{"product_tree":{"full_product_names":[{"product_id":"A","product_identification_helper":{"purls":` + purls("a") + `}},{"product_id":"B","product_identification_helper":{"purls":` + purls("b") + `}}],
			"relationships":[{"full_product_name":{"product_id":"C"},"product_reference":"A","relates_to_product_reference":"B"}]},"vulnerabilities":` + list(2000, `{"cve":"CVE-#","product_status":{"fixed":["C"]}}`) + `}`,
		"notes times group": `{"product_tree":{"product_groups":[{"group_id":"G","product_ids":` + list(5000, `"#"`) + `}]},"vulnerabilities":[{"cve":"CVE-1","product_status":{"fixed":["none"]},"remediations":` + list(20000, `{"details":"#","group_ids":["G"]}`) + `}]}`,
		"flags times notes": `{"vulnerabilities":[{"cve":"CVE-1","product_status":{"known_not_affected":` + list(20000, `"#"`) + `},"flags":` + list(20000, `{"label":"#","product_ids":["#"]}`) + `,"threats":` + list(20000, `{"category":"impact","details":"#"}`) + `}]}`,
		"ids":               `{"vulnerabilities":` + list(20, `{"ids":`+list(20000, `{"text":"CVE-#"}`)+`,"product_status":{"fixed":["A"],"known_affected":["A"]}}`) + `}`,
	} {
		start := time.Now()
		doc, err := Format{}.Normalize(normalize.Input{Bytes: []byte(in)})
		if err != nil && !strings.HasPrefix(err.Error(), normalize.ReasonTooMany) {
			t.Errorf("%s: %v", name, err)
		}
		if doc != nil && len(doc.Statements) > 2*maxBundles && name != "ids" {
			t.Errorf("%s: %d statements", name, len(doc.Statements))
		}
		if d := time.Since(start); d > 20*time.Second {
			t.Errorf("%s: took %v", name, d)
		}
		t.Logf("%s: %v, %v", name, time.Since(start), err)
	}
}
