package cyclonedx_test

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sluice/internal/test/testdocs"
	"sluice/normalize"
	"sluice/normalize/cyclonedx"
	"sluice/normalize/detect"
)

// sameBOM compares what two notations of one BOM say, but for the order.
func sameBOM(a, b *normalize.Document) string {
	return cmp.Diff(a, b,
		cmpopts.IgnoreFields(normalize.Document{}, "Format", "JSON"),
		cmpopts.IgnoreFields(normalize.Component{}, "Pointer"),
		cmpopts.IgnoreFields(normalize.Statement{}, "Pointer", "Action"),
		cmpopts.IgnoreFields(normalize.Warning{}, "Pointer"),
		cmpopts.SortSlices(func(a, b normalize.Component) bool { return a.Name < b.Name }),
		cmpopts.SortSlices(func(a, b normalize.Statement) bool { return a.VulnID < b.VulnID }),
		cmpopts.EquateEmpty(),
	)
}

// TestNotations: one BOM in all four notations, each with another order, has the same
// components, packages and statements, and is one document.
func TestNotations(t *testing.T) {
	file := func(name string) []byte {
		b, err := os.ReadFile("testdata/notations/bom." + name)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	text := file("textproto")
	binary, err := cyclonedx.BinaryForm(text)
	if err != nil {
		t.Fatal(err)
	}
	var first *normalize.Document
	var meaning [32]byte
	for _, src := range [][]byte{file("json"), file("xml"), text, binary} {
		doc, err := read(src)
		if err != nil {
			t.Fatal(err)
		}
		if len(doc.Warnings) > 0 {
			t.Errorf("%s: %v", doc.Format, doc.Warnings)
		}
		form := doc.JSON
		if form == nil {
			form = src
		}
		sum, err := detect.MeaningHash(form, normalize.MeaningOf(cyclonedx.JSON{}))
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first, meaning = doc, sum
			if len(doc.Components) != 4 || len(doc.Statements) != 1 || doc.Components[2].Source != "openssl" {
				t.Errorf("%+v", doc)
			}
			continue
		}
		if diff := sameBOM(first, doc); diff != "" {
			t.Errorf("(-json +%s)\n%s", doc.Format, diff)
		}
		if sum != meaning {
			t.Errorf("%s is another document:\n%s\n%s", doc.Format, file("json"), form)
		}
	}
}

// TestSpecificationExamples: the examples of the specification that are there in several
// notations say the same in all of them, but for those that were not written so.
func TestSpecificationExamples(t *testing.T) {
	// What differs, and where: these are slips of the examples.
	differ := map[string]string{
		"1.2/valid-bom-1.2.xml": "components", "1.3/valid-bom-1.3.xml": "components", "1.4/valid-bom-1.4.xml": "components",
		"1.5/valid-bom-1.5.xml": "components", "1.5/valid-dependency-1.5.xml": "names",
	}
	type example struct {
		doc *normalize.Document
		sum [32]byte
	}
	found := map[string]map[string]example{}
	formats := map[string]string{"CycloneDX JSON": "json", "CycloneDX XML": "xml", "CycloneDX textproto": "textproto"}
	for format, ending := range formats {
		for _, e := range testdocs.Manifest(t, format) {
			name, ok := cutEnds(e.Path, "cyclonedx-specification/tools/src/test/resources/", "."+ending)
			if !ok || e.Validity != "valid" {
				continue
			}
			src := e.Read(t)
			doc, err := read(src)
			if err != nil {
				t.Errorf("%s: %v", e.Path, err)
				continue
			}
			form := doc.JSON
			if form == nil {
				form = src
			}
			sum, err := detect.MeaningHash(form, normalize.MeaningOf(cyclonedx.JSON{}))
			if err != nil {
				t.Fatal(err)
			}
			if found[name] == nil {
				found[name] = map[string]example{}
			}
			found[name][ending] = example{doc, sum}
		}
	}
	same, pairs := 0, 0
	for name, forms := range found {
		json, ok := forms["json"]
		if !ok {
			continue
		}
		for ending, other := range forms {
			if ending == "json" {
				continue
			}
			pairs++
			if other.sum == json.sum {
				same++
			}
			if diff := sameComponents(json.doc, other.doc); diff != "" && differ[name+"."+ending] == "" {
				t.Errorf("%s (-json +%s)\n%s", name, ending, diff)
			}
		}
	}
	t.Logf("%d pairs of notations, %d of them one document", pairs, same)
	if pairs < 90 || same < 70 {
		t.Errorf("%d pairs, %d the same", pairs, same)
	}
}

func sameComponents(a, b *normalize.Document) string {
	only := func(d *normalize.Document) *normalize.Document {
		return &normalize.Document{Kind: d.Kind, FormatVersion: d.FormatVersion, Main: d.Main, Components: d.Components, Statements: d.Statements}
	}
	return sameBOM(only(a), only(b))
}

func cutEnds(s, start, end string) (string, bool) {
	if len(s) < len(start)+len(end) || s[:len(start)] != start || s[len(s)-len(end):] != end {
		return "", false
	}
	return s[len(start) : len(s)-len(end)], true
}
