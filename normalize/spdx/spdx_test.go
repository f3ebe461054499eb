package spdx_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/test/testdocs"
	"sluice/normalize"
	"sluice/normalize/detect"
	"sluice/normalize/spdx"
)

var (
	formats = []normalize.Format{spdx.JSON{}, spdx.TagValue{}, spdx.YAML{}, spdx.XML{}, spdx.RDF{}, spdx.XLSX{}, spdx.JSONLD{}}
	read    = testdocs.Reader(detect.Scan, formats...)
)

func TestGolden(t *testing.T) { testdocs.Golden(t, read) }

func TestRealDocuments(t *testing.T) {
	testdocs.Real(t, read, []string{"wrong-type"}, "SPDX JSON", "SPDX tag-value", "SPDX YAML", "SPDX XML", "SPDX RDF/XML", "SPDX spreadsheet", "SPDX 3 JSON-LD")
}

func FuzzJSON(f *testing.F) {
	testdocs.Fuzz(f, spdx.JSON{}, normalize.Limits{MaxComponents: 100}, "testdata/*/doc.json", nil)
}

func FuzzTagValue(f *testing.F) {
	testdocs.Fuzz(f, spdx.TagValue{}, normalize.Limits{MaxComponents: 100}, "testdata/*/*.spdx", storable)
}

func FuzzYAML(f *testing.F) {
	testdocs.Fuzz(f, spdx.YAML{}, normalize.Limits{MaxComponents: 100}, "testdata/*/*.yaml", storable)
}

func FuzzXML(f *testing.F) {
	testdocs.Fuzz(f, spdx.XML{}, normalize.Limits{MaxComponents: 100}, "testdata/*/*.xml", storable)
}

func FuzzRDF(f *testing.F) {
	testdocs.Fuzz(f, spdx.RDF{}, normalize.Limits{MaxComponents: 100}, "testdata/*/*.rdf", storable)
}

func FuzzXLSX(f *testing.F) {
	testdocs.Fuzz(f, spdx.XLSX{}, normalize.Limits{MaxComponents: 100}, "testdata/*/*.xlsx", storable)
}

func FuzzJSONLD(f *testing.F) {
	testdocs.Fuzz(f, spdx.JSONLD{}, normalize.Limits{MaxComponents: 100}, "testdata/graph*/doc.json", nil)
}

// storable holds that the JSON form of a document is JSON that PostgreSQL can hold.
func storable(t *testing.T, doc *normalize.Document) {
	if _, err := detect.Scan(doc.JSON, normalize.Limits{}); err != nil {
		t.Errorf("the JSON form cannot be stored: %v\n%s", err, doc.JSON)
	}
}

func TestDetect(t *testing.T) {
	testdocs.Detects(t, detect.Scan, formats, map[string]string{
		`{"spdxVersion":"SPDX-2.3"}`:                                                                              "spdx-json",
		`{"spdxVersion":"spdx-2.2"}`:                                                                              "spdx-json",
		`{"spdxVersion":"SPDX-2.9"}`:                                                                              "spdx-json",
		`{"sbom":{"spdxVersion":"SPDX-2.3"}}`:                                                                     "spdx-json",
		`{"spdxVersion":"SPDX-3.0"}`:                                                                              "",
		`{"spdxVersion":2}`:                                                                                       "",
		`{"bomFormat":"CycloneDX","specVersion":"1.4"}`:                                                           "",
		"SPDXVersion: SPDX-2.3\nDataLicense: CC0-1.0\nSPDXID: SPDXRef-DOCUMENT\n":                                 "spdx-tag-value",
		"# by a tool\n\nSPDXVersion: SPDX-2.1\nDocumentComment: <text>a\nb</text>":                                "spdx-tag-value",
		"SPDXVersion: SPDX-3.0\n":                                                                                 "",
		"---\nspdxVersion: \"SPDX-2.3\"\npackages:\n- name: a\n":                                                  "spdx-yaml",
		"SPDXID: SPDXRef-DOCUMENT\nspdxVersion: SPDX-2.2 # old\n":                                                 "spdx-yaml",
		"spdxVersion: 2.3\n":                                                                                      "",
		`{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld"}`:                                           "spdx3-json",
		`{"@context":[{},"http://spdx.org/rdf/3.0.0/spdx-context.jsonld"]}`:                                       "spdx3-json",
		`{"@context":{"@vocab":"https://spdx.org/rdf/3.0.1/terms/Core/"}}`:                                        "spdx3-json",
		`[{"@type":"https://spdx.org/rdf/3.0.1/terms/Core/SpdxDocument"}]`:                                        "spdx3-json",
		"<Document><SPDXID>SPDXRef-DOCUMENT</SPDXID><spdxVersion>SPDX-2.2</spdxVersion></Document>":               "spdx-xml",
		"<Document><SPDXID>SPDXRef-DOCUMENT</SPDXID><creationInfo><created/></creationInfo></Document>":           "spdx-xml",
		"<Document><title>Letter</title></Document>":                                                              "",
		`<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://spdx.org/rdf/terms#"/>`:   "",
		`<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:s="http://spdx.org/rdf/terms#"/>`: "spdx-rdf",
		`<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:s="urn:x"/>`:                      "",
		`{"@context":"https://openvex.dev/ns/v0.2.0","statements":[]}`:                                            "",
	})
}

func TestVersions(t *testing.T) {
	for written, want := range map[string]string{
		"SPDX-2.2": "SPDX-2.2", "SPDX-2.3": "SPDX-2.3", "SPDX-2.2.1": "SPDX-2.2", "SPDX-2.2.2": "SPDX-2.2",
		"SPDX-2.3.1": "SPDX-2.3", "SPDX-2.1": "SPDX-2.1", " spdx-2.3": "SPDX-2.3",
	} {
		doc, err := spdx.JSON{}.Normalize(normalize.Input{Bytes: fmt.Appendf(nil, `{"spdxVersion":%q}`, written)})
		if err != nil || doc.FormatVersion != want || doc.Kind != normalize.SBOM {
			t.Errorf("%s: %v %+v", written, err, doc)
			continue
		}
		if odd := strings.TrimSpace(written) != want; odd != (len(doc.Warnings) == 1) {
			t.Errorf("%s: warnings %v", written, doc.Warnings)
		}
	}
}

func TestParked(t *testing.T) {
	for _, test := range []struct {
		name, src, reason, pointer string
	}{
		{"no bytes", "", normalize.ReasonEmpty, ""},
		{"array", `[]`, normalize.ReasonInvalid, ""},
		{"no version", `{"packages":[]}`, normalize.ReasonUnsupported, "/spdxVersion"},
		{"next version", `{"spdxVersion":"SPDX-2.4"}`, normalize.ReasonUnsupported, "/spdxVersion"},
		{"SPDX-2", `{"spdxVersion":"SPDX-2"}`, normalize.ReasonUnsupported, "/spdxVersion"},
		{"SPDX-2.20", `{"spdxVersion":"SPDX-2.20"}`, normalize.ReasonUnsupported, "/spdxVersion"},
		{"wrapped", `{"sbom":{"spdxVersion":"SPDX-2.0"}}`, normalize.ReasonUnsupported, "/sbom/spdxVersion"},
		{"cut short", `{"spdxVersion":"SPDX-2.3","packages":[{"name":"a"},{"name":`, normalize.ReasonSyntax, "/packages/1/name"},
		{"two documents", `{"spdxVersion":"SPDX-2.3"}{}`, normalize.ReasonSyntax, ""},
		{"Latin-1", "{\"spdxVersion\":\"SPDX-2.3\",\"packages\":[{\"name\":\"caf\xe9\"}]}", normalize.ReasonEncoding, "/packages/0/name"},
		{"deep", `{"files":` + strings.Repeat(`[`, 20000) + strings.Repeat(`]`, 20000) + `}`, normalize.ReasonDepth, ""},
		{"too many", `{"spdxVersion":"SPDX-2.3","packages":[{"name":"a"},{"name":"b"},{"name":"c"}]}`, normalize.ReasonTooMany, "/packages/2"},
	} {
		_, err := spdx.JSON{}.Normalize(normalize.Input{Bytes: []byte(test.src), Limits: normalize.Limits{MaxComponents: 2}})
		park, ok := errors.AsType[*normalize.ParkError](err)
		if !ok {
			t.Errorf("%s: %v, want it parked", test.name, err)
			continue
		}
		if park.Reason != test.reason || test.pointer != "" && park.Pointer != test.pointer || len(err.Error()) > 1000 {
			t.Errorf("%s: %q at %q: %v\nwant %q at %q", test.name, park.Reason, park.Pointer, err, test.reason, test.pointer)
		}
	}
}

// TestNotationsParked is TestParked for the other notations: the place is line:column.
func TestNotationsParked(t *testing.T) {
	for _, test := range []struct {
		format               normalize.Format
		src, reason, pointer string
	}{
		{spdx.TagValue{}, " ", normalize.ReasonEmpty, ""},
		{spdx.TagValue{}, "PackageName: a\n", normalize.ReasonUnsupported, "/spdxVersion"},
		{spdx.TagValue{}, "SPDXVersion: SPDX-2.9\n", normalize.ReasonUnsupported, "/spdxVersion"},
		{spdx.TagValue{}, "SPDXVersion: SPDX-2.3\nDocumentComment: <text>never\nended\n", normalize.ReasonSyntax, "2:1"},
		{spdx.TagValue{}, "SPDXVersion: SPDX-2.3\nPackageName: a\nPackageName: b\nPackageName: c\n", normalize.ReasonTooMany, "/packages/2"},
		{spdx.TagValue{}, "SPDXVersion: SPDX-2.3\nPackageName: caf\xe9\n", normalize.ReasonEncoding, ""},
		{spdx.TagValue{}, "SPDXVersion: SPDX-2.3\nPackageName: \x00\n", normalize.ReasonNUL, ""},
		{spdx.YAML{}, "", normalize.ReasonEmpty, ""},
		{spdx.YAML{}, "spdxVersion: SPDX-2.3\nname: \"a\nb: c\n", normalize.ReasonSyntax, ""},
		{spdx.YAML{}, "- a\n", normalize.ReasonInvalid, ""},
		{spdx.YAML{}, "name: a\n", normalize.ReasonUnsupported, "/spdxVersion"},
		{spdx.YAML{}, "spdxVersion: SPDX-2.3\npackages: [{name: a},{name: b},{name: c}]\n", normalize.ReasonTooMany, "/packages/2"},
		{spdx.YAML{}, "spdxVersion: SPDX-2.3\nx: " + strings.Repeat("[", 1000) + strings.Repeat("]", 1000), normalize.ReasonDepth, "2:104"},
		{spdx.XML{}, "<Document><spdxVersion>SPDX-2.3</spdxVersion>\n<packages></Document>", normalize.ReasonSyntax, "2:11"},
		{spdx.XML{}, "<Document><spdxVersion>SPDX-2.3</spdxVersion>&bomb;</Document>", normalize.ReasonSyntax, "1:46"},
		{spdx.XML{}, "<Document/>", normalize.ReasonUnsupported, "/spdxVersion"},
		{spdx.XML{}, "<Document><spdxVersion>SPDX-2.3</spdxVersion><packages/><packages/><packages/></Document>", normalize.ReasonTooMany, ""},
		{spdx.XML{}, strings.Repeat("<a>", 1000), normalize.ReasonDepth, "1:301"},
		{spdx.RDF{}, "<RDF></RDF>", normalize.ReasonInvalid, ""},
		{spdx.RDF{}, rdf(""), normalize.ReasonUnsupported, "/spdxVersion"},
		{spdx.RDF{}, rdf("<s:specVersion>SPDX-2.3</s:specVersion>"), "", ""},
		{spdx.RDF{}, rdf("<s:specVersion>SPDX-2.3</s:specVersion>") + "<a/>", normalize.ReasonSyntax, ""},
		{spdx.RDF{}, rdf("<s:dataLicense><s:ConjunctiveLicenseSet r:nodeID='a'><s:member r:nodeID='a'/></s:ConjunctiveLicenseSet></s:dataLicense>"), normalize.ReasonDepth, ""},
		{spdx.RDF{}, rdf(strings.Repeat("<s:a><s:b>", 5000)), normalize.ReasonDepth, ""},
		{spdx.RDF{}, rdf(doubling), normalize.ReasonTooLarge, ""},
		{spdx.XLSX{}, "PK\x03\x04", normalize.ReasonCorruptArchive, ""},
		{spdx.JSONLD{}, `[1`, normalize.ReasonSyntax, ""},
		{spdx.JSONLD{}, `"a"`, normalize.ReasonInvalid, ""},
		{spdx.JSONLD{}, `{"@context":"https://spdx.org/rdf/3.1.0/spdx-context.jsonld"}`, normalize.ReasonUnsupported, ""},
		{spdx.JSONLD{}, `{"@graph":[{"type":"CreationInfo","specVersion":"2.3"}]}`, normalize.ReasonUnsupported, ""},
		{spdx.JSONLD{}, `{"@graph":[{"type":"software_Package"},{"type":"software_Package"},{"type":"software_Package"}]}`, normalize.ReasonTooMany, "/@graph/2"},
		{spdx.JSONLD{}, `{"@graph":[{"type":"security_VexFixedVulnAssessmentRelationship","to":["a","b","c"]}]}`, normalize.ReasonTooMany, "/@graph/0"},
		{spdx.JSONLD{}, `{"@graph":[{"type":"software_Package"}`, normalize.ReasonSyntax, ""},
	} {
		_, err := test.format.Normalize(normalize.Input{Bytes: []byte(test.src), Limits: normalize.Limits{MaxComponents: 2}})
		if test.reason == "" && err == nil {
			continue
		}
		park, ok := errors.AsType[*normalize.ParkError](err)
		if !ok {
			t.Errorf("%s %.60q: %v, want it parked", test.format.Name(), test.src, err)
			continue
		}
		if park.Reason != test.reason || test.pointer != "" && park.Pointer != test.pointer || len(err.Error()) > 1000 {
			t.Errorf("%s %.60q: %q at %q: %v\nwant %q at %q", test.format.Name(), test.src, park.Reason, park.Pointer, err, test.reason, test.pointer)
		}
	}
}

// rdf is an RDF document with members inside of its SpdxDocument.
func rdf(members string) string {
	return "<r:RDF xmlns:r='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns:s='http://spdx.org/rdf/terms#'>" +
		"<s:SpdxDocument r:about='urn:x#SPDXRef-DOCUMENT'>" + members + "</s:SpdxDocument></r:RDF>"
}

// doubling is a licence of two licences of two licences: a few lines of RDF, and an
// expression of a billion words.
var doubling = func() string {
	s := "<s:dataLicense r:nodeID='n0'/>"
	for i := range 30 {
		s += fmt.Sprintf("<s:member><s:ConjunctiveLicenseSet r:nodeID='n%d'><s:member r:nodeID='n%d'/><s:member r:nodeID='n%d'/></s:ConjunctiveLicenseSet></s:member>", i, i+1, i+1)
	}
	return s
}()

// TestFilesCostNothing reads a document that is nearly all files.
func TestFilesCostNothing(t *testing.T) {
	const few, many = 10, 100_000
	doc := func(files int) []byte {
		return fmt.Appendf(nil, `{"spdxVersion":"SPDX-2.3","name":"x","files":[%s{}],"relationships":[%s{}],"packages":[{"name":"a"}]}`,
			strings.Repeat(`{"SPDXID":"SPDXRef-f","fileName":"x"},`, files),
			strings.Repeat(`{"spdxElementId":"SPDXRef-a","relatedSpdxElement":"SPDXRef-f","relationshipType":"CONTAINS"},`, files))
	}
	allocs := func(src []byte) float64 {
		return testing.AllocsPerRun(1, func() {
			if _, err := (spdx.JSON{}).Normalize(normalize.Input{Bytes: src}); err != nil {
				t.Fatal(err)
			}
		})
	}
	// Lists that grow: a hash of each id, and where each reference stands. Under the race
	// detector they grow in some hundred steps, and what runs beside this is counted too.
	if a, b := allocs(doc(few)), allocs(doc(many)); b > a+many/100 {
		t.Errorf("%d files cost %.0f allocations, %d cost %.0f", few, a, many, b)
	}
}

// TestGraphDetails: what is said of the packages of SPDX 3 in other elements.
func TestGraphDetails(t *testing.T) {
	details, err := spdx.JSONLD{}.Details(normalize.Input{Bytes: []byte(`{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","@graph":[
		{"type":"Relationship","spdxId":"urn:r1","relationshipType":"hasDeclaredLicense","from":"urn:a","to":["urn:l1"]},
		{"type":"Relationship","spdxId":"urn:r2","relationshipType":"hasConcludedLicense","from":"urn:a","to":["https://spdx.org/licenses/MIT","urn:l2"]},
		{"type":"Relationship","spdxId":"urn:r3","relationshipType":"dependsOn","from":"urn:a","to":["urn:b","urn:file","urn:nowhere"]},
		{"type":"Relationship","spdxId":"urn:r4","relationshipType":"hasConcludedLicense","from":"urn:b","to":["https://spdx.org/rdf/3.0.1/terms/Licensing/NoAssertion"]},
		{"type":"software_Package","spdxId":"urn:b","name":"b","summary":"short","originatedBy":["urn:jane"],
		 "externalRef":[{"type":"ExternalRef","externalRefType":"securityAdvisory","locator":["https://example.com/advisory"],"comment":"old"}]},
		{"type":"software_Package","spdxId":"urn:a","name":"a","description":"long","suppliedBy":{"type":"Organization","spdxId":"urn:org","name":"Example"},
		 "software_homePage":"https://example.com","software_copyrightText":"Copyright Example",
		 "verifiedUsing":[{"type":"Hash","algorithm":"sha256","hashValue":"abc"}]},
		{"type":"simplelicensing_LicenseExpression","spdxId":"urn:l1","simplelicensing_licenseExpression":"MIT OR ISC"},
		{"type":"expandedlicensing_CustomLicense","spdxId":"urn:l2","name":"A short one"},
		{"type":"Person","spdxId":"urn:jane","name":"Jane"},
		{"type":"CreationInfo","@id":"_:c","specVersion":"3.0.1","created":"2025-02-03T04:05:06Z","createdBy":["urn:jane"]},
		{"type":"SpdxDocument","spdxId":"urn:d","creationInfo":"_:c","rootElement":["urn:a"],"dataLicense":"https://spdx.org/licenses/CC0-1.0"}
	]}`)})
	if err != nil {
		t.Fatal(err)
	}
	want := &normalize.Details{
		Document: details.Document, Authors: []string{"Jane"}, Supplier: "Example", Licenses: []normalize.License{{ID: "CC0-1.0"}}, Roots: []string{"urn:a"},
		Components: []normalize.ComponentDetails{
			{
				Ref: "urn:a", Pointer: "/@graph/5", Supplier: "Example", Description: "long", Copyright: "Copyright Example", Related: true,
				Licenses:   []normalize.License{{Expression: "MIT OR ISC"}, {ID: "MIT", Concluded: true}, {Name: "A short one", Concluded: true}},
				Hashes:     []normalize.Hash{{Algorithm: "SHA-256", Value: "abc"}},
				References: []normalize.Reference{{Type: "website", URL: "https://example.com"}},
			},
			{
				Ref: "urn:b", Pointer: "/@graph/4", Author: "Jane", Description: "short",
				References: []normalize.Reference{{Type: "securityAdvisory", URL: "https://example.com/advisory", Comment: "old"}},
			},
		},
		Edges: []normalize.Edge{{From: "urn:a", To: "urn:b", Kind: normalize.DependsOn}},
	}
	if diff := cmp.Diff(want, details); diff != "" {
		t.Error(diff)
	}
}

// TestSame reads one document in all notations, each with a namespace, a time and an order
// of its own: it has to say the same in each.
func TestSame(t *testing.T) {
	files, err := filepath.Glob("testdata/same/shop.*")
	if err != nil || len(files) < 6 {
		t.Fatal(files, err)
	}
	sort := func(list []normalize.Component) []normalize.Component {
		for i := range list {
			list[i].Pointer = "" // which depends on the order
		}
		slices.SortFunc(list, func(a, b normalize.Component) int { return strings.Compare(a.Purl, b.Purl) })
		return list
	}
	var first *normalize.Document
	var meaning [32]byte
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := read(src)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if len(doc.Warnings) > 0 {
			t.Errorf("%s: %v", file, doc.Warnings)
		}
		json := doc.JSON
		if json == nil {
			json = src
		}
		sum := hash(t, spdx.JSON{}, json)
		if first == nil {
			meaning = sum
		} else if sum != meaning {
			t.Errorf("%s: means something else", file)
			t.Logf("%s", normalize.MeaningOf(spdx.JSON{}).Form(json))
		}
		sort(doc.Components)
		sort(doc.Main)
		if first == nil {
			first = doc
			continue
		}
		if diff := cmp.Diff(first.Components, doc.Components); diff != "" {
			t.Errorf("%s: components\n%s", file, diff)
		}
		if diff := cmp.Diff(first.Main, doc.Main); diff != "" {
			t.Errorf("%s: main component\n%s", file, diff)
		}
		if first.Subject != doc.Subject || first.FormatVersion != doc.FormatVersion {
			t.Errorf("%s: %+v %s, want %+v %s", file, doc.Subject, doc.FormatVersion, first.Subject, first.FormatVersion)
		}
	}
}

func ExampleJSON() {
	src := []byte(`{
		"spdxVersion": "SPDX-2.3", "name": "shop-sbom", "documentDescribes": ["SPDXRef-shop"],
		"packages": [{"SPDXID": "SPDXRef-shop", "name": "shop", "versionInfo": "4.5.6"}, {"SPDXID": "SPDXRef-cart", "name": "cart"}]
	}`)
	doc, err := spdx.JSON{}.Normalize(normalize.Input{Bytes: src})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(doc.Subject.Name, doc.Subject.Version, "contains", doc.Components[0].Name)
	// Output: shop 4.5.6 contains cart
}
