package spdx_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"sluice/internal/test/testdocs"
	"sluice/normalize"
	"sluice/normalize/detect"
	"sluice/normalize/spdx"
)

var read = testdocs.Reader(detect.Scan, spdx.JSON{})

func TestGolden(t *testing.T) { testdocs.Golden(t, read) }

func TestRealDocuments(t *testing.T) { testdocs.Real(t, read, []string{"wrong-type"}, "SPDX JSON") }

func FuzzJSON(f *testing.F) {
	testdocs.Fuzz(f, spdx.JSON{}, normalize.Limits{MaxComponents: 100}, "testdata/*/doc.json", nil)
}

func TestDetect(t *testing.T) {
	testdocs.Detects(t, detect.Scan, []normalize.Format{spdx.JSON{}}, map[string]string{
		`{"spdxVersion":"SPDX-2.3"}`:                                              "spdx-json",
		`{"spdxVersion":"spdx-2.2"}`:                                              "spdx-json",
		`{"spdxVersion":"SPDX-2.9"}`:                                              "spdx-json",
		`{"sbom":{"spdxVersion":"SPDX-2.3"}}`:                                     "spdx-json",
		`{"spdxVersion":"SPDX-3.0"}`:                                              "",
		`{"spdxVersion":2}`:                                                       "",
		`{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld"}`:           "",
		`{"bomFormat":"CycloneDX","specVersion":"1.4"}`:                           "",
		"SPDXVersion: SPDX-2.3\nDataLicense: CC0-1.0\nSPDXID: SPDXRef-DOCUMENT\n": "",
	})
}

func TestVersions(t *testing.T) {
	for written, want := range map[string]string{
		"SPDX-2.2": "SPDX-2.2", "SPDX-2.3": "SPDX-2.3", "SPDX-2.2.1": "SPDX-2.2", "SPDX-2.2.2": "SPDX-2.2",
		"SPDX-2.3.1": "SPDX-2.3", "SPDX-2.1": "SPDX-2.2", " spdx-2.3": "SPDX-2.3",
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
	// Lists that grow: a hash of each id, and where each reference stands.
	if a, b := allocs(doc(few)), allocs(doc(many)); b > a+100 {
		t.Errorf("%d files cost %.0f allocations, %d cost %.0f", few, a, many, b)
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
