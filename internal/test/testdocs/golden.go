package testdocs

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"sluice/normalize"
)

var update = flag.Bool("update", false, "rewrite testdata/*/want.json")

// Golden reads testdata/CASE/doc.* of the package under test and compares what the
// document says with want.json beside it. go test -update rewrites those files; the
// review reads the difference.
func Golden(t *testing.T, read func([]byte) (*normalize.Document, error)) {
	t.Helper()
	docs, err := filepath.Glob("testdata/*/doc.*")
	if err != nil || len(docs) == 0 {
		t.Fatal("no cases in testdata", err)
	}
	for _, path := range docs {
		dir := filepath.Dir(path)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			doc, err := read(readFile(t, path))
			if err != nil {
				t.Fatal(err)
			}
			got := show(t, doc)
			file := filepath.Join(dir, "want.json")
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if want := readFile(t, file); !bytes.Equal(got, want) {
				t.Errorf("differs from %s (see with go test -update and git diff):\n%s", file, got)
			}
		})
	}
}

// show is a document as JSON, without members that are zero. What the document holds
// as bytes is JSON, and shown as such.
func show(t *testing.T, doc *normalize.Document) []byte {
	t.Helper()
	out, err := json.Marshal(doc,
		json.OmitZeroStructFields(true),
		json.WithMarshalers(json.MarshalToFunc(func(e *jsontext.Encoder, b []byte) error { return e.WriteValue(b) })),
		jsontext.AllowDuplicateNames(true), // of the original
		jsontext.WithIndent("  "),
	)
	if err != nil {
		t.Fatal(err)
	}
	return append(out, '\n')
}
