package testdocs

import (
	"bytes"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/normalize"
)

// Seed adds the files that match pattern to the seeds of a fuzz target.
func Seed(f *testing.F, pattern string) {
	f.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds %s: %v", pattern, err)
	}
	for _, path := range files {
		f.Add(readFile(f, path))
	}
}

// Fuzz holds what every format promises for any bytes: no panic, the same result
// twice, details of the same components, the document unchanged, and errors that are permanent. check, which may be
// nil, looks at what came out of the documents that are accepted.
func Fuzz(f *testing.F, format normalize.Format, limits normalize.Limits, seeds string, check func(*testing.T, *normalize.Document)) {
	f.Helper()
	Seed(f, seeds)
	f.Fuzz(func(t *testing.T, b []byte) {
		in := normalize.Input{Bytes: b, Limits: limits}
		before := bytes.Clone(b)
		doc, err := normalized(format, in)
		again, errAgain := format.Normalize(in)
		if !bytes.Equal(b, before) {
			t.Fatal("the document was changed")
		}
		if err != nil {
			if !normalize.Permanent(err) || errAgain == nil || err.Error() != errAgain.Error() {
				t.Fatalf("%v, then %v", err, errAgain)
			}
			return
		}
		if errAgain != nil {
			t.Fatalf("accepted, then %v", errAgain)
		}
		if !reflect.DeepEqual(doc, again) {
			t.Fatalf("different results:\n%s", cmp.Diff(doc, again))
		}
		if check != nil {
			check(t, doc)
		}
	})
}
