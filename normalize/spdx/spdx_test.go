package spdx_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"sluice/normalize"
	"sluice/normalize/detect"
	"sluice/normalize/spdx"
)

var update = flag.Bool("update", false, "rewrite the want.json files")

func TestGolden(t *testing.T) {
	docs, err := filepath.Glob("testdata/*/doc.json")
	if err != nil || len(docs) == 0 {
		t.Fatal("no cases", err)
	}
	for _, path := range docs {
		dir := filepath.Dir(path)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			src, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			doc, err := normalizeBytes(src)
			if err != nil {
				t.Fatal(err)
			}
			got := shown(t, doc)
			file := filepath.Join(dir, "want.json")
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("differs from %s (see with -update and git diff):\n%s", file, got)
			}
		})
	}
}

// shown is the document as JSON without its zero members.
func shown(t *testing.T, doc *normalize.Document) []byte {
	t.Helper()
	src, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	var tree any
	if err := json.Unmarshal(src, &tree); err != nil {
		t.Fatal(err)
	}
	out, err := json.MarshalIndent(prune(tree), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(out, '\n')
}

func prune(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			switch member := prune(member); member {
			case nil, "", false, "0001-01-01T00:00:00Z":
				delete(v, name)
			default:
				v[name] = member
			}
		}
		if len(v) == 0 {
			return nil
		}
	case []any:
		for i := range v {
			v[i] = prune(v[i])
		}
	}
	return v
}

func TestDetect(t *testing.T) {
	for src, want := range map[string]bool{
		`{"spdxVersion":"SPDX-2.3"}`:                                              true,
		`{"spdxVersion":"spdx-2.2"}`:                                              true,
		`{"spdxVersion":"SPDX-2.9"}`:                                              true,
		`{"sbom":{"spdxVersion":"SPDX-2.3"}}`:                                     true,
		`{"spdxVersion":"SPDX-3.0"}`:                                              false,
		`{"spdxVersion":2}`:                                                       false,
		`{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld"}`:           false,
		`{"bomFormat":"CycloneDX","specVersion":"1.4"}`:                           false,
		"SPDXVersion: SPDX-2.3\nDataLicense: CC0-1.0\nSPDXID: SPDXRef-DOCUMENT\n": false,
	} {
		head, err := detect.Scan([]byte(src), normalize.DefaultLimits)
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		if got := (spdx.JSON{}).Detect(head); got != want {
			t.Errorf("%s: detected %v", src, got)
		}
	}
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
		if park.Reason != test.reason || test.pointer != "" && park.Pointer != test.pointer || park.Format != "spdx-json" || len(err.Error()) > 1000 {
			t.Errorf("%s: %q at %q by %q: %v\nwant %q at %q", test.name, park.Reason, park.Pointer, park.Format, err, test.reason, test.pointer)
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
	if a, b := allocs(doc(few)), allocs(doc(many)); b > a+10 {
		t.Errorf("%d files cost %.0f allocations, %d cost %.0f", few, a, many, b)
	}
}

func FuzzJSON(f *testing.F) {
	docs, err := filepath.Glob("testdata/*/doc.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range docs {
		src, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		in := normalize.Input{Bytes: src, Limits: normalize.Limits{MaxComponents: 100}}
		before := string(src)
		doc, err := spdx.JSON{}.Normalize(in)
		if string(src) != before {
			t.Fatal("the document was changed")
		}
		again, errAgain := spdx.JSON{}.Normalize(in)
		if err != nil {
			if !normalize.Permanent(err) || errAgain == nil || err.Error() != errAgain.Error() {
				t.Fatalf("%v, then %v", err, errAgain)
			}
			return
		}
		if errAgain != nil || !reflect.DeepEqual(doc, again) {
			t.Fatalf("%+v, then %+v, %v", doc, again, errAgain)
		}
	})
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
