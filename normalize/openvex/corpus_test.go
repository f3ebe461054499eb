package openvex

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/normalize"
	"sluice/normalize/detect"
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

// TestRealDocuments reads every OpenVEX document of the corpus: all must be accepted.
func TestRealDocuments(t *testing.T) {
	root := filepath.Join(corpora(t), "documents")
	manifest, err := os.Open(filepath.Join(root, "MANIFEST.tsv"))
	if err != nil {
		t.Skip(err)
	}
	defer manifest.Close()
	documents, statements := 0, 0
	for lines := bufio.NewScanner(manifest); lines.Scan(); {
		cols := strings.Split(lines.Text(), "\t")
		if len(cols) < 4 || cols[3] != "OpenVEX" {
			continue
		}
		b, err := os.ReadFile(filepath.Join(root, cols[1]))
		if err != nil {
			t.Error(err)
			continue
		}
		h, err := detect.Scan(b, normalize.Limits{})
		if err != nil {
			t.Errorf("%s: %v", cols[1], err)
			continue
		}
		if !(Format{}).Detect(h) {
			t.Errorf("%s: not recognised: %v", cols[1], h.Members)
			continue
		}
		doc, err := Format{}.Normalize(normalize.Input{Bytes: b, Head: h})
		if err != nil {
			t.Errorf("%s: %v", cols[1], err)
			continue
		}
		documents++
		statements += len(doc.Statements)
		for _, w := range doc.Warnings {
			t.Logf("%s: %s %s: %s", cols[1], w.Code, w.Pointer, w.Message)
		}
		t.Logf("%s: %q %q %s %q, %d statements", cols[1], doc.FormatVersion, doc.ID, doc.Time.Format("2006-01-02"), doc.Issuer, len(doc.Statements))
	}
	t.Logf("%d documents, %d statements", documents, statements)
	if documents < 70 {
		t.Errorf("only %d documents; the manifest lists more", documents)
	}
}
