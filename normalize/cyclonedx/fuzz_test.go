package cyclonedx_test

import (
	"os"
	"reflect"
	"testing"

	"sluice/internal/test/testdocs"
	"sluice/normalize"
	"sluice/normalize/cyclonedx"
	"sluice/normalize/detect"
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

// FuzzProtobuf and FuzzTextProto: the JSON form is a document too, and says the same.
func FuzzProtobuf(f *testing.F) {
	for _, name := range []string{"notations/bom", "textproto_oddities/doc"} {
		text, err := os.ReadFile("testdata/" + name + ".textproto")
		if err != nil {
			f.Fatal(err)
		}
		wire, err := cyclonedx.BinaryForm(text)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(wire)
	}
	testdocs.Fuzz(f, cyclonedx.Protobuf{}, fuzzLimits, "testdata/*/doc.pb", sameForm)
}

func FuzzTextProto(f *testing.F) {
	testdocs.Fuzz(f, cyclonedx.TextProto{}, fuzzLimits, "testdata/*/*.textproto", sameForm)
}

// sameForm holds that the JSON form is well-formed, is read without more than the document
// itself, and says the same.
func sameForm(t *testing.T, doc *normalize.Document) {
	form, err := cyclonedx.JSON{}.Normalize(normalize.Input{Bytes: doc.JSON, Limits: fuzzLimits})
	if err != nil || !reflect.DeepEqual(form.Components, doc.Components) || !reflect.DeepEqual(form.Statements, doc.Statements) {
		t.Fatalf("the JSON form %s says %+v, %v\nthe document %+v", doc.JSON, form, err, doc)
	}
	if _, err := detect.Scan(doc.JSON, normalize.DefaultLimits); err != nil {
		t.Fatalf("the JSON form %s cannot be stored: %v", doc.JSON, err)
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
