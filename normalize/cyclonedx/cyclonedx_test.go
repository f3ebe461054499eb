package cyclonedx_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-cmp/cmp"

	"sluice/internal/test/testdocs"
	"sluice/normalize"
	"sluice/normalize/cyclonedx"
	"sluice/normalize/detect"
)

var formats = []normalize.Format{cyclonedx.JSON{}, cyclonedx.XML{}, cyclonedx.Protobuf{}, cyclonedx.TextProto{}}

var read = testdocs.Reader(detect.Scan, formats...)

func TestGolden(t *testing.T) { testdocs.Golden(t, read) }

func TestRealDocuments(t *testing.T) {
	testdocs.Real(t, read, []string{
		"partial-json", "wrong-type", "unknown-element", "unknown-field", "missing-member", "unknown-member", "duplicate-member", "conflicting-members",
		"unknown-value", "invalid-value", "invalid-hash", "invalid-time", "unknown-license", "invalid-expression", "unknown-type", "unknown-scope",
		"unknown-algorithm", "unknown-reference-type", "unknown-state", "unknown-status",
	}, "CycloneDX JSON", "CycloneDX XML", "CycloneDX textproto")
}

func TestDetect(t *testing.T) {
	testdocs.Detects(t, detect.Scan, formats, map[string]string{
		`{"bomFormat":"CycloneDX","specVersion":"1.4"}`:                                     "cyclonedx-json",
		`{"bomFormat":"cyclonedx"}`:                                                         "cyclonedx-json",
		`{"bomFormat":"CycloneDX","specVersion":"99"}`:                                      "cyclonedx-json",
		`{"specVersion":"1.4","components":[]}`:                                             "cyclonedx-json",
		`{"specVersion":"1.4","metadata":{}}`:                                               "cyclonedx-json",
		`{"specVersion":"1.4","$schema":"http://cyclonedx.org/schema/bom-1.4.schema.json"}`: "cyclonedx-json",
		`{"specFormat":"CycloneDX","specVersion":"2.0"}`:                                    "cyclonedx-json",
		`{"specFormat":"Other","specVersion":"2.0","components":[]}`:                        "",
		`{"specVersion":"1.4"}`:                                                             "",
		`{"bomFormat":"SPDX","specVersion":"1.4","components":[]}`:                          "",
		`{"spdxVersion":"SPDX-2.3"}`:                                                        "",
		`<bom xmlns="http://cyclonedx.org/schema/bom/1.4"/>`:                                "cyclonedx-xml",
		`<c:bom xmlns:c="https://cyclonedx.org/schema/bom/9.9"/>`:                           "cyclonedx-xml",
		`<bom xmlns="http://example.com"/>`:                                                 "",
		`<bom/>`:                                                                            "",
		"\x0a\x031.6":                                                                       "cyclonedx-protobuf",
		"\x0a\x031.6\x10\x01\x2a\x04\x42\x02ab":                                             "cyclonedx-protobuf",
		"\x10\x01\x0a\x039.9":                                                               "cyclonedx-protobuf", // in another order
		"\x0a\x031.6\x10\x01\x2a\x40\x42\x02ab":                                             "cyclonedx-protobuf", // cut off
		"\x0a\x03abc\x10\x01":                                                               "",
		"\x0a\x031.6\x12\x01a":                                                              "", // field 2 is a number
		"\x10\x01\x2a\x04\x42\x02ab":                                                        "", // no version
		"spec_version: \"1.6\"\nversion: 1\n":                                               "cyclonedx-textproto",
		"# a\n# b\n\ncomponents { name: \"}\\\"\" } spec_version: '1.6'":                    "cyclonedx-textproto",
		"# proto-message: Bom\ncomponents <name: 'a'>":                                      "cyclonedx-textproto",
		"components <name: 'a'>":                                                            "",
		"spec_version: \"1.6\"\ncolour: 1\n":                                                "",
		"spec_version: 1.6\ncomponents:\n- name: a\n":                                       "",
		"metadata:\n  spec_version: \"1.6\"\n":                                              "",
	})
}

func TestVersions(t *testing.T) {
	for _, version := range []string{"1.0", "1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "1.7"} {
		doc, err := cyclonedx.JSON{}.Normalize(normalize.Input{Bytes: fmt.Appendf(nil, `{"bomFormat":"CycloneDX","specVersion":%q}`, version)})
		if err != nil || doc.FormatVersion != version || len(doc.Warnings) > 0 || doc.Kind != normalize.SBOM {
			t.Errorf("JSON %s: %v %+v", version, err, doc)
		}
		doc, err = cyclonedx.XML{}.Normalize(normalize.Input{Bytes: fmt.Appendf(nil, `<bom xmlns="http://cyclonedx.org/schema/bom/%s" version="1"/>`, version)})
		if err != nil || doc.FormatVersion != version || len(doc.Warnings) > 0 || !strings.Contains(string(doc.JSON), `"specVersion":"`+version+`"`) {
			t.Errorf("XML %s: %v %+v", version, err, doc)
		}
	}
	doc, err := cyclonedx.JSON{}.Normalize(normalize.Input{Bytes: []byte(`{"bomFormat":"CycloneDX"}`)})
	if err != nil || len(doc.Warnings) != 1 || doc.Warnings[0].Code != "missing-version" {
		t.Errorf("no version: %v %+v", err, doc)
	}
}

func TestParked(t *testing.T) {
	deep := func(open, end string, n int) string { return strings.Repeat(open, n) + strings.Repeat(end, n) }
	const xmlns = `<bom xmlns="http://cyclonedx.org/schema/bom/1.4">`
	for _, test := range []struct {
		name, src       string
		xml             bool
		reason, pointer string
		max             int // components
	}{
		{"no bytes", " \n", false, normalize.ReasonEmpty, "", 0},
		{"array", `[]`, false, normalize.ReasonInvalid, "", 0},
		{"the draft", `{"specFormat":"CycloneDX","specVersion":"2.0"}`, false, normalize.ReasonUnsupported, "/specFormat", 0},
		{"the draft by its version", `{"bomFormat":"CycloneDX","specVersion":"2.0"}`, false, normalize.ReasonUnsupported, "/specVersion", 0},
		{"next version", `{"specVersion":"1.8"}`, false, normalize.ReasonUnsupported, "/specVersion", 0},
		{"no version at all", `{"specVersion":"12"}`, false, normalize.ReasonUnsupported, "/specVersion", 0},
		{"cut short", `{"specVersion":"1.4","components":[{"name":"a"`, false, normalize.ReasonSyntax, "/components/0", 0},
		{"two documents", `{"specVersion":"1.4"} {"specVersion":"1.4"}`, false, normalize.ReasonSyntax, "", 0},
		{"Latin-1", "{\"specVersion\":\"1.4\",\"components\":[{\"name\":\"caf\xe9\"}]}", false, normalize.ReasonEncoding, "/components/0/name", 0},
		{"deep components", `{"components":` + strings.Repeat(`[{"components":`, 600) + `[]` + strings.Repeat(`}]`, 600) + `}`, false, normalize.ReasonDepth, "", 0},
		{"deep elsewhere", `{"components":` + deep(`[`, `]`, 20000) + `}`, false, normalize.ReasonDepth, "", 0},
		{"deep services", `{"services":` + strings.Repeat(`[{"services":`, 600) + `[]` + strings.Repeat(`}]`, 600) + `}`, false, normalize.ReasonDepth, "", 0},
		{"too many", `{"specVersion":"1.4","components":[{"name":"a","components":[{"name":"b"},{"name":"c"}]},{"name":"d"}]}`, false, normalize.ReasonTooMany, "/components/1", 3},
		{"too many products", `{"specVersion":"1.4","vulnerabilities":[{"id":"a","analysis":{"state":"resolved"},"affects":[{"ref":"pkg:npm/a"},{"ref":"pkg:npm/b"}]},{"id":"b","analysis":{"state":"resolved"},"affects":[{"ref":"pkg:npm/a"},{"ref":"pkg:npm/b"}]}]}`, false, normalize.ReasonTooMany, "/vulnerabilities/1", 3},

		{"no bytes", " ", true, normalize.ReasonEmpty, "", 0},
		{"only a declaration", `<?xml version="1.0"?>`, true, normalize.ReasonSyntax, "1:22", 0},
		{"next version", "\n" + `  <bom xmlns="http://cyclonedx.org/schema/bom/1.8"/>`, true, normalize.ReasonUnsupported, "2:3", 0},
		{"no namespace", `<bom/>`, true, normalize.ReasonUnsupported, "1:1", 0},
		{"another root", `<bill xmlns="http://cyclonedx.org/schema/bom/1.4"/>`, true, normalize.ReasonInvalid, "", 0},
		{"cut short", "<?xml version='1.0'?>" + xmlns + `<components>`, true, normalize.ReasonSyntax, "1:83", 0},
		{"wrong end", xmlns + `</bomb>`, true, normalize.ReasonSyntax, "1:57", 0},
		{"two documents", xmlns + `</bom><bom/>`, true, normalize.ReasonSyntax, "1:56", 0},
		{"text behind", xmlns + `</bom> and so on`, true, normalize.ReasonSyntax, "1:56", 0},
		{"unknown entity", xmlns + "\n&boom;</bom>", true, normalize.ReasonSyntax, "2:7", 0},
		{"control character", xmlns + "<components>\x01</components></bom>", true, normalize.ReasonSyntax, "1:63", 0},
		{"NUL by reference", xmlns + "&#0;</bom>", true, normalize.ReasonSyntax, "1:54", 0},
		{"not UTF-8", xmlns + "\n caf\xe9</bom>", true, normalize.ReasonEncoding, "2:5", 0},
		{"UTF-16", "\xff\xfe<\x00b\x00", true, normalize.ReasonEncoding, "1:1", 0},
		{"Shift-JIS", `<?xml version="1.0" encoding="Shift_JIS"?>` + xmlns + `</bom>`, true, normalize.ReasonEncoding, "1:1", 0},
		{"deep", xmlns + "\n" + deep("<a>", "</a>", 100_000) + "</bom>", true, normalize.ReasonDepth, "2:1534", 0},
		{"deep extension", xmlns + "\n" + `<x xmlns="y">` + deep("<a>", "</a>", 100_000) + "</x></bom>", true, normalize.ReasonDepth, "2:1544", 0},
		{"too many", xmlns + `<components><component/><component/><component/><component/></components></bom>`, true, normalize.ReasonTooMany, "1:98", 3},
	} {
		var f normalize.Format = cyclonedx.JSON{}
		if test.xml {
			f = cyclonedx.XML{}
		}
		_, err := f.Normalize(normalize.Input{Bytes: []byte(test.src), Limits: normalize.Limits{MaxComponents: test.max}})
		park, ok := errors.AsType[*normalize.ParkError](err)
		if !ok {
			t.Errorf("%s %s: %v, want it parked", f.Name(), test.name, err)
			continue
		}
		if park.Reason != test.reason || test.pointer != "" && park.Pointer != test.pointer {
			t.Errorf("%s %s: %q at %q: %v\nwant %q at %q", f.Name(), test.name, park.Reason, park.Pointer, err, test.reason, test.pointer)
		}
		if len(err.Error()) > 1000 {
			t.Errorf("%s %s: a message of %d bytes", f.Name(), test.name, len(err.Error()))
		}
	}
}

// TestNotationsAgree reads the same documents in both notations.
func TestNotationsAgree(t *testing.T) {
	bom := generated()
	list := (*bom.Components)[:200]
	list[7].Components = &[]cdx.Component{{Type: cdx.ComponentTypeFile, Name: "inside"}}
	dependencies := (*bom.Dependencies)[:199]
	bom.Components, bom.Dependencies = &list, &dependencies
	bom.Vulnerabilities = &[]cdx.Vulnerability{{
		ID: "CVE-2025-6001", Analysis: &cdx.VulnerabilityAnalysis{State: cdx.IASExploitable, Response: &[]cdx.ImpactAnalysisResponse{cdx.IARUpdate}},
		Affects: &[]cdx.Affects{{Ref: list[3].BOMRef, Range: &[]cdx.AffectedVersions{{Range: "vers:npm/<2", Status: cdx.VulnerabilityStatusAffected}}}},
	}}
	var asJSON, asXML bytes.Buffer
	if err := errors.Join(
		cdx.NewBOMEncoder(&asJSON, cdx.BOMFileFormatJSON).Encode(bom),
		cdx.NewBOMEncoder(&asXML, cdx.BOMFileFormatXML).Encode(bom),
	); err != nil {
		t.Fatal(err)
	}
	fromJSON, err := read(asJSON.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	fromXML, err := read(asXML.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	ours, err := detect.MeaningHash(fromXML.JSON, normalize.MeaningOf(cyclonedx.XML{}))
	theirs, errTheirs := detect.MeaningHash(asJSON.Bytes(), normalize.MeaningOf(cyclonedx.JSON{}))
	if err != nil || errTheirs != nil || ours != theirs {
		t.Errorf("the JSON form of the XML is another document (%v, %v)", err, errTheirs)
	}
	fromXML.JSON, fromXML.Format = nil, fromJSON.Format
	if d := cmp.Diff(fromJSON, fromXML); d != "" {
		t.Errorf("(-JSON +XML)\n%s", d)
	}
}

func TestXMLDeclarations(t *testing.T) {
	for _, declaration := range []string{
		"", "\xef\xbb\xbf", "\n ", `<?xml version="1.1"?>`, `<?xml version="1.1" encoding="ISO-8859-1"?>`, `<?xml version='1.0' encoding='utf8' standalone='yes'?>` + "\n",
		"\xef\xbb\xbf<?xml version=\"1.0\" encoding = \"UTF-8\"?>", `<?xml version="1.0" encoding="us-ascii"?>`, `<?xml-stylesheet href="encoding='x'"?>`,
	} {
		src := declaration + `<bom xmlns="http://cyclonedx.org/schema/bom/1.4"><components><component type="library"><name>a</name></component></components></bom>`
		doc, err := read([]byte(src))
		if err != nil || len(doc.Components) != 1 || doc.Components[0].Name != "a" {
			t.Errorf("%q: %v %+v", declaration, err, doc)
		}
	}
}

// TestXMLSections has sections that are there twice, which JSON could not hold.
func TestXMLSections(t *testing.T) {
	doc, err := read([]byte(`<bom xmlns="http://cyclonedx.org/schema/bom/1.4"><components><component type="library"><name>a</name><version>1</version></component></components>
		<components/><components><component type="library"><name>b</name><version>1</version></component><component type="library"><name>c</name><version>1</version></component></components></bom>`))
	if err != nil {
		t.Fatal(err)
	}
	if len(doc.Components) != 3 || doc.Components[2].Name != "c" || len(doc.Warnings) != 1 || doc.Warnings[0].Code != "partial-json" {
		t.Errorf("%+v %v", doc.Components, doc.Warnings)
	}
}

// TestXMLAmplification has an entry that would take gigabytes in the library's
// structs: it is left out of the JSON form, its component is not lost.
func TestXMLAmplification(t *testing.T) {
	src := `<bom xmlns="http://cyclonedx.org/schema/bom/1.4"><components><component type="library"><name>a</name><version>1</version><hashes>` +
		strings.Repeat("<hash/>", 200_000) + `</hashes></component></components></bom>`
	doc, err := cyclonedx.XML{}.Normalize(normalize.Input{Bytes: []byte(src)})
	if err != nil {
		t.Fatal(err)
	}
	if len(doc.Components) != 1 || len(doc.JSON) > 1000 || len(doc.Warnings) != 1 || doc.Warnings[0].Code != "partial-json" {
		t.Errorf("%d components, %d bytes of JSON, %v", len(doc.Components), len(doc.JSON), doc.Warnings)
	}
}

// TestManyWarnings: what is wrong a thousand times is counted, and hides nothing.
func TestManyWarnings(t *testing.T) {
	src := `{"bomFormat":"CycloneDX","specVersion":"1.4","components":[` + strings.Repeat(`{},`, 1000) + `{}],"serialNumber":"first"}`
	doc, err := read([]byte(src))
	if err != nil || len(doc.Components) != 1001 {
		t.Fatal(err, len(doc.Components))
	}
	count := map[string]int{}
	for _, w := range doc.Warnings {
		count[w.Code] += 1 + w.More
	}
	if len(doc.Warnings) > normalize.MaxWarnings || count["missing-name"] != 1001 || count["missing-component-version"] != 1001 || count["invalid-serial"] != 1 {
		t.Errorf("%v in %d warnings", count, len(doc.Warnings))
	}
}

func ExampleJSON() {
	src := []byte(`{
		"bomFormat": "CycloneDX", "specVersion": "1.6",
		"metadata": {"component": {"type": "application", "name": "shop", "version": "4.5.6"}},
		"components": [{"type": "library", "name": "cart", "purl": "pkg:npm/cart@1.9"}]
	}`)
	doc, err := cyclonedx.JSON{}.Normalize(normalize.Input{Bytes: src})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(doc.Subject.Name, doc.Subject.Version, "contains", doc.Components[0].Purl)
	// Output: shop 4.5.6 contains pkg:npm/cart@1.9
}
