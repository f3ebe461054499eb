package spdx_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"sluice/internal/test/testdocs"
	"sluice/normalize"
	"sluice/normalize/detect"
	"sluice/normalize/spdx"
)

func hash(t *testing.T, f normalize.Format, json []byte) [32]byte {
	t.Helper()
	sum, err := detect.MeaningHash(json, normalize.MeaningOf(f))
	if err != nil {
		t.Fatalf("%s: %v", json, err)
	}
	return sum
}

// TestMeaning says which documents mean the same.
func TestMeaning(t *testing.T) {
	const base = `{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","documentNamespace":"a","creationInfo":{"created":"2025-01-01T00:00:00Z","creators":["Tool: a","Tool: b"]},` +
		`"packages":[{"SPDXID":"SPDXRef-a","name":"a","licenseConcluded":"MIT OR (Apache-2.0 AND ISC)","hasFiles":["SPDXRef-f"],` +
		`"checksums":[{"algorithm":"SHA256","checksumValue":"aB"}],"builtDate":"2025-01-01T00:00:00Z"},{"SPDXID":"SPDXRef-b","name":"b"}],` +
		`"relationships":[{"spdxElementId":"SPDXRef-DOCUMENT","relationshipType":"DESCRIBES","relatedSpdxElement":"SPDXRef-a"},` +
		`{"spdxElementId":"SPDXRef-a","relationshipType":"DEPENDS_ON","relatedSpdxElement":"SPDXRef-b","comment":"x"}]}`
	want := hash(t, spdx.JSON{}, []byte(base))
	replaced := func(pairs ...string) string {
		s := base
		for i := 0; i < len(pairs); i += 2 {
			if !strings.Contains(s, pairs[i]) {
				t.Fatalf("%s is not there", pairs[i])
			}
			s = strings.ReplaceAll(s, pairs[i], pairs[i+1])
		}
		return s
	}
	describes := `{"spdxElementId":"SPDXRef-DOCUMENT","relationshipType":"DESCRIBES","relatedSpdxElement":"SPDXRef-a"},`
	for _, same := range []string{
		replaced(`"documentNamespace":"a"`, `"documentNamespace":"b","$schema":"c"`),
		replaced(`2025-01-01T00:00:00Z","creators"`, `2026-01-01T00:00:00Z","creators"`),
		replaced(`"Tool: a","Tool: b"`, `"Tool: b","Tool: a ()"`),
		replaced(`"MIT OR (Apache-2.0 AND ISC)"`, `"((ISC AND Apache-2.0) OR MIT OR MIT)"`),
		replaced(describes, "", `"packages"`, `"documentDescribes":["SPDXRef-a"],"packages"`),
		replaced(describes, `{"spdxElementId":"SPDXRef-a","relationshipType":"DESCRIBED_BY","relatedSpdxElement":"SPDXRef-DOCUMENT"},`),
		replaced(`"packages"`, `"documentDescribes":["SPDXRef-a"],"packages"`), // said twice
		replaced(`"hasFiles":["SPDXRef-f"],`, ``, describes, describes+`{"spdxElementId":"SPDXRef-f","relationshipType":"CONTAINED_BY","relatedSpdxElement":"SPDXRef-a"},`),
		replaced(`"name":"b"`, `"name":" b\n","comment":"","annotations":[],"supplier":"NOASSERTION","licenseDeclared":null,"filesAnalyzed":true,"licenseInfoFromFiles":["NOASSERTION"]`),
		replaced(`"SHA256","checksumValue":"aB"`, `"sha256","checksumValue":"Ab"`),
		replaced(`"builtDate":"2025-01-01T00:00:00Z"`, `"builtDate":"2025-01-01T01:00:00+01:00"`),
		`{"sbom":` + base + `}`,
		" " + strings.ReplaceAll(base, ",", " ,\n") + "\n",
	} {
		if hash(t, spdx.JSON{}, []byte(same)) != want {
			t.Errorf("means something else:\n%s", same)
		}
	}
	seen := map[[32]byte]string{want: base}
	for _, other := range []string{
		replaced(`"name":"b"`, `"name":"c"`),
		replaced(`"name":"b"`, `"name":"b","filesAnalyzed":false`),
		replaced(`"name":"b"`, `"name":"b","licenseConcluded":"NONE"`),
		replaced(`"SPDXRef-f"`, `"SPDXRef-g"`),
		replaced(describes, ``),
		replaced(`OR (Apache-2.0 AND ISC)`, `AND (Apache-2.0 OR ISC)`),
		replaced(`OR (Apache-2.0 AND ISC)`, `OR Apache-2.0 WITH ISC`),
		replaced(`OR (Apache-2.0 AND ISC)`, `OR (Apache-2.0 AND ISC`), // no expression
		replaced(`"comment":"x"`, `"comment":"y"`),
		replaced(`DEPENDS_ON`, `DEPENDENCY_OF`),
		replaced(`"builtDate":"2025-01-01T00:00:00Z"`, `"builtDate":"2025-01-01T01:00:00Z"`),
		replaced(`"Tool: b"`, `"Tool: c"`),
		replaced(`SPDX-2.3`, `SPDX-2.2`),
	} {
		sum := hash(t, spdx.JSON{}, []byte(other))
		if before, again := seen[sum]; again {
			t.Errorf("means the same:\n%s\n%s", before, other)
		}
		seen[sum] = other
	}
}

// TestGraphMeaning is TestMeaning for SPDX 3.
func TestGraphMeaning(t *testing.T) {
	src, err := os.ReadFile("testdata/graph/doc.json")
	if err != nil {
		t.Fatal(err)
	}
	want := hash(t, spdx.JSONLD{}, src)
	again := strings.ReplaceAll(string(src), "https://example.com/shop#", "https://example.com/shop-2026#")
	again = strings.ReplaceAll(again, "2025-02-03T04:05:06Z", "2026-02-03T04:05:06Z")
	first := again[strings.Index(again, `{"type": "Relationship"`):strings.Index(again, `{"type": "CreationInfo"`)]
	again = strings.Replace(again, first, "", 1)
	again = strings.Replace(again, `"software_primaryPurpose": "gadget"}`, `"software_primaryPurpose": "gadget"},`+strings.TrimRight(first, " ,\n"), 1)
	if hash(t, spdx.JSONLD{}, []byte(again)) != want {
		t.Error("another namespace, time and order mean something else")
	}
	for old, other := range map[string]string{`"name": "kettle"`: `"name": "teapot"`, "dependsOn": "contains", "pkg:npm/shop@4.5.6": "pkg:npm/shop@4.5.7"} {
		if hash(t, spdx.JSONLD{}, []byte(strings.ReplaceAll(string(src), old, other))) == want {
			t.Errorf("%s means the same as %s", other, old)
		}
	}
}

// FuzzMeaning holds that the form that is compared is JSON where the document is, and that
// it is its own form.
func FuzzMeaning(f *testing.F) {
	testdocs.Seed(f, "testdata/*/*.json")
	f.Add([]byte(`{"spdxVersion":"SPDX-2.3","packages":[{"externalRefs":[{"referenceCategory":"\u000epackage_manager","referenceType":"a\/b"}],"supplier":"\"()"}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := detect.Scan(b, normalize.Limits{}); err != nil || !jsontext.Value(b).IsValid(jsontext.AllowDuplicateNames(true)) {
			return
		}
		for _, format := range []normalize.Format{spdx.JSON{}, spdx.JSONLD{}} {
			m := normalize.MeaningOf(format)
			before := bytes.Clone(b)
			form := m.Form(b)
			if !bytes.Equal(b, before) {
				t.Fatal("the document was changed")
			}
			if !jsontext.Value(form).IsValid(jsontext.AllowDuplicateNames(true)) {
				t.Fatalf("no JSON: %s", form)
			}
		}
	})
}

// TestFormsOfRealDocuments holds that the JSON form of a real document can be stored and says
// what the document says.
func TestFormsOfRealDocuments(t *testing.T) {
	for _, e := range testdocs.Manifest(t, "SPDX tag-value", "SPDX YAML", "SPDX XML", "SPDX RDF/XML") {
		doc, err := read(e.Read(t))
		if err != nil {
			continue // TestRealDocuments says so
		}
		again, err := read(doc.JSON)
		if err != nil || len(again.Components) != len(doc.Components) || again.Subject != doc.Subject {
			t.Errorf("%s: its JSON form says something else: %v", e.Path, err)
			continue
		}
		if _, err := detect.Scan(doc.JSON, normalize.Limits{}); err != nil {
			t.Errorf("%s: its JSON form cannot be stored: %v", e.Path, err)
		}
	}
}
