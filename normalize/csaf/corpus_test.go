package csaf

import (
	"bufio"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/normalize"
	"sluice/normalize/detect"
	"sluice/normalize/unwrap"
)

// corpora finds the folder with real documents: SLUICE_CORPORA, or shared/corpora beside the module.
func corpora(tb testing.TB) string {
	tb.Helper()
	if dir := os.Getenv("SLUICE_CORPORA"); dir != "" {
		return dir
	}
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			found := filepath.Join(dir, "..", "shared", "corpora")
			if _, err := os.Stat(found); err == nil {
				return found
			}
		}
	}
	tb.Skip("no real documents: set SLUICE_CORPORA to the folder that holds documents/MANIFEST.tsv")
	return ""
}

// eachReal calls fn with each real CSAF document, unpacked.
func eachReal(tb testing.TB, fn func(path string, b []byte, h *normalize.Head)) {
	tb.Helper()
	root := filepath.Join(corpora(tb), "documents")
	manifest, err := os.Open(filepath.Join(root, "MANIFEST.tsv"))
	if err != nil {
		tb.Skip(err)
	}
	defer manifest.Close()
	for lines := bufio.NewScanner(manifest); lines.Scan(); {
		cols := strings.Split(lines.Text(), "\t")
		if len(cols) < 4 || cols[3] != "CSAF" && cols[3] != "compressed" {
			continue
		}
		f, err := os.Open(filepath.Join(root, cols[1]))
		if err != nil {
			tb.Error(err)
			continue
		}
		err = unwrap.Walk(context.Background(), unwrap.Source{Origin: cols[1], Reader: f}, normalize.Limits{}, func(e unwrap.Entry) error {
			if e.Err != nil {
				return nil // bomb.bz2
			}
			h, err := detect.Scan(e.Bytes, normalize.Limits{})
			if err != nil {
				tb.Errorf("%s: %v", cols[1], err)
				return nil
			}
			if cols[3] == "compressed" && !(Format{}).Detect(h) {
				return nil
			}
			fn(cols[1], e.Bytes, h)
			return nil
		})
		if err != nil {
			tb.Error(err)
		}
		f.Close()
	}
}

// TestRealDocuments reads every CSAF document of the corpus: all must be accepted.
func TestRealDocuments(t *testing.T) {
	documents, statements, products := 0, 0, 0
	eachReal(t, func(path string, b []byte, h *normalize.Head) {
		if !(Format{}).Detect(h) {
			t.Errorf("%s: not recognised", path)
			return
		}
		doc, err := Format{}.Normalize(normalize.Input{Bytes: b, Head: h})
		if err != nil {
			t.Errorf("%s: %v", path, err)
			return
		}
		documents++
		statements += len(doc.Statements)
		n := 0
		for _, s := range doc.Statements {
			n += len(s.Products)
		}
		products += n
		for _, w := range doc.Warnings {
			t.Logf("%s: %s %s: %s", path, w.Code, w.Pointer, w.Message)
		}
		t.Logf("%s: %d bytes, %s %s %s %q, %d statements, %d products", path, len(b), doc.FormatVersion, doc.ID, doc.Time.Format("2006-01-02"), doc.Issuer, len(doc.Statements), n)
		if doc.ID == "" || doc.Time.IsZero() || doc.Issuer == "" {
			t.Errorf("%s: id %q, time %v, issuer %q", path, doc.ID, doc.Time, doc.Issuer)
		}
	})
	t.Logf("%d documents, %d statements, %d products", documents, statements, products)
	if documents < 40 {
		t.Errorf("only %d documents; the manifest lists more", documents)
	}
}
