package cyclonedx_test

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"sluice/normalize"
	"sluice/normalize/cyclonedx"
	"sluice/normalize/detect"
)

func scan(t testing.TB, src string) *normalize.Head {
	t.Helper()
	head, err := detect.Scan([]byte(src), normalize.DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	return head
}

// fuzz wants the same result twice, or twice the same permanent error.
func fuzz(f *testing.F, format normalize.Format, pattern string) {
	docs, err := filepath.Glob(pattern)
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
		in := normalize.Input{Bytes: src, Limits: normalize.Limits{MaxDepth: 50, MaxComponents: 100}}
		before := string(src)
		doc, err := format.Normalize(in)
		if string(src) != before {
			t.Fatal("the document was changed")
		}
		again, errAgain := format.Normalize(in)
		if err != nil {
			if !normalize.Permanent(err) || errAgain == nil || err.Error() != errAgain.Error() {
				t.Fatalf("%v, then %v", err, errAgain)
			}
			return
		}
		if errAgain != nil || !reflect.DeepEqual(doc, again) {
			t.Fatalf("%+v, then %+v, %v", doc, again, errAgain)
		}
		if doc.JSON == nil {
			return
		}
		// The JSON form is a document too, and says the same.
		form, err := cyclonedx.JSON{}.Normalize(normalize.Input{Bytes: doc.JSON, Limits: in.Limits})
		if err != nil || !reflect.DeepEqual(form.Components, doc.Components) || !reflect.DeepEqual(form.Statements, doc.Statements) {
			t.Fatalf("the JSON form %s says %+v, %v\nthe XML %+v", doc.JSON, form, err, doc)
		}
	})
}

func FuzzJSON(f *testing.F) { fuzz(f, cyclonedx.JSON{}, "testdata/*/doc.json") }
func FuzzXML(f *testing.F)  { fuzz(f, cyclonedx.XML{}, "testdata/*/doc.xml") }
