package cyclonedx_test

import (
	"reflect"
	"testing"

	"sluice/internal/test/testdocs"
	"sluice/normalize"
	"sluice/normalize/cyclonedx"
)

// fuzzLimits are low enough for the fuzzer to meet them.
var fuzzLimits = normalize.Limits{MaxDepth: 50, MaxComponents: 100}

func FuzzJSON(f *testing.F) {
	testdocs.Fuzz(f, cyclonedx.JSON{}, fuzzLimits, "testdata/*/doc.json", aboutSomething)
}

// aboutSomething holds that each product of a statement is one, or says why it is none.
func aboutSomething(t *testing.T, doc *normalize.Document) {
	for _, s := range doc.Statements {
		for _, p := range s.Products {
			if p.Unreadable == "" && p.Purl == "" && p.Subcomponent == "" && p.BOMSerial == "" && !p.InDocument || p.Unreadable != "" && p != p.AboutNothing(p.Unreadable) {
				t.Errorf("%s: %+v", s.Pointer, p)
			}
		}
	}
}

// FuzzXML: the JSON form is a document too, and says the same.
func FuzzXML(f *testing.F) {
	testdocs.Fuzz(f, cyclonedx.XML{}, fuzzLimits, "testdata/*/doc.xml", func(t *testing.T, doc *normalize.Document) {
		form, err := cyclonedx.JSON{}.Normalize(normalize.Input{Bytes: doc.JSON, Limits: fuzzLimits})
		if err != nil || !reflect.DeepEqual(form.Components, doc.Components) || !reflect.DeepEqual(form.Statements, doc.Statements) {
			t.Fatalf("the JSON form %s says %+v, %v\nthe XML %+v", doc.JSON, form, err, doc)
		}
	})
}
